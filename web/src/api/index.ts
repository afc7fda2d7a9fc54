export * from './types'
export { api, apiUrl, everSignedIn, forgetExpiry, refresh, rememberExpiry, speak, whenSignedOut } from './client'
export { ApiError } from './errors'
export { socket, type SocketState } from './socket'
