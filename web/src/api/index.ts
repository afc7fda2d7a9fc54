export * from './types'
export { api, apiUrl, refresh, rememberExpiry, speak, whenSignedOut } from './client'
export { ApiError } from './errors'
export { socket, type SocketState } from './socket'
