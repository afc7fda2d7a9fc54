import createClient, { defaultPathSerializer } from 'openapi-fetch'
import type { HttpMethod } from 'openapi-typescript-helpers'
import { ApiError, errorOf } from './errors'
import { BASE, type Api, type Call, type PathParams } from './paths'
import { toJson } from './text'
import type { SignedIn } from './types'

/**
 * The REST door, typed by the server's own document. Tokens live in HttpOnly cookies, so there is nothing here to leak:
 * a call that meets 401 refreshes once, together with every other call that met it, and is repeated.
 */

const EXPIRES_KEY = 'beckon.access_expires_at'
let language = 'en'
let refreshing: Promise<void> | undefined
let onSignedOut: () => void = () => {}

/** The language the server's texts should be in. */
export function speak(lang: string): void {
  language = lang
}

/** Called when a refresh was refused: the person has to sign in again. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

const client = createClient<Api>({
  baseUrl: BASE,
  fetch: sendSignedIn,
  bodySerializer: (body: unknown) => (body instanceof Blob ? body : toJson(body)),
})

/** Every call resolves to the body of its answer and rejects with an `ApiError`. */
export const api = {
  get: call('get'),
  post: call('post'),
  put: call('put'),
  patch: call('patch'),
  delete: call('delete'),
}

/** Where a path of the API lives, for `src`, `href` and uploads. */
export function apiUrl<P extends keyof Api>(path: P, ...[params]: PathParams<P>): string {
  return BASE + defaultPathSerializer(path, params ?? {})
}

/** One method; the types of what goes in and comes out are those of `Call`, as the library knows them path by path. */
function call<M extends HttpMethod>(method: M): Call<M> {
  const ask = client.request as (method: M, path: string, init?: object) => Promise<{ data?: unknown }>
  return (async (path: string, init?: object) => {
    try {
      return (await ask(method, path, init)).data
    } catch (error) {
      // Also where the body of an answer breaks off: Firefox ends it with an AbortError when the page goes away.
      throw error instanceof ApiError ? error : ApiError.offline()
    }
  }) as Call<M>
}

async function sendSignedIn(request: Request): Promise<Response> {
  const seen = accessExpiry()
  const again = request.clone()
  try {
    return await send(request)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401 || error.code !== 'unauthenticated') throw error
    await refresh(seen)
    return await send(again)
  }
}

async function send(request: Request): Promise<Response> {
  request.headers.set('Accept-Language', language)
  const response = await fetch(request).catch(() => Promise.reject(ApiError.offline()))
  if (!response.ok) throw await errorOf(response)
  return response
}

/**
 * Renews the cookies, one try at a time. Two tabs share a refresh token, so they take turns under a lock and the
 * second one sees that the first has done it. Where that fails, or an answer is lost, the server gives the same
 * answer again for a minute.
 */
export function refresh(seenExpiry = accessExpiry()): Promise<void> {
  refreshing ??= underLock(() => renew(seenExpiry)).finally(() => (refreshing = undefined))
  return refreshing
}

async function renew(seenExpiry: string | null): Promise<void> {
  if (accessExpiry() !== seenExpiry) return
  try {
    rememberExpiry(await api.post('/logins/refresh', { body: {}, fetch: send }))
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    if (accessExpiry() !== seenExpiry && everSignedIn()) return // another tab was quicker, and holds fresh cookies
    onSignedOut()
    throw error
  }
}

async function underLock(act: () => Promise<void>): Promise<void> {
  // Plain HTTP on a LAN address is no secure context and has no locks; one tab at a time works without.
  await (navigator.locks ? navigator.locks.request('beckon.refresh', act) : act())
}

function accessExpiry(): string | null {
  return localStorage.getItem(EXPIRES_KEY)
}

/** False in a browser that nobody is signed in with: there is nothing to ask the server. */
export function everSignedIn(): boolean {
  return accessExpiry() !== null
}

export function forgetExpiry(): void {
  localStorage.removeItem(EXPIRES_KEY)
}

/** Tells the other tabs that fresh cookies are here. */
export function rememberExpiry(signedIn: SignedIn): void {
  localStorage.setItem(EXPIRES_KEY, String(signedIn.access_expires_at))
}
