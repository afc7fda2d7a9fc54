import { toJson } from '@/shared/text'
import { ApiError, errorOf } from './errors'
import type { SignedIn } from './types'

/**
 * The REST door. Tokens live in HttpOnly cookies, so there is nothing here to leak: a call that meets 401
 * refreshes once, together with every other call that met it, and is repeated.
 */

type Query = Record<string, string | number | undefined>

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

export const api = {
  get: <T>(path: string, query?: Query) => call<T>('GET', withQuery(path, query)),
  post: <T = void>(path: string, body?: unknown) => call<T>('POST', path, body),
  put: <T = void>(path: string, body?: unknown) => call<T>('PUT', path, body),
  patch: <T = void>(path: string, body?: unknown) => call<T>('PATCH', path, body),
  delete: <T = void>(path: string) => call<T>('DELETE', path),
}

/** Where a path of the API lives, for `src`, `href` and uploads. */
export function apiUrl(path: string): string {
  return `/api/v1${path}`
}

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  return given.length ? `${path}?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}` : path
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const seen = accessExpiry()
  let response = await send(method, path, body)
  if (response.status === 401 && !path.startsWith('/logins/refresh')) {
    const refusal = await errorOf(response)
    if (refusal.code !== 'unauthenticated') throw refusal
    await refresh(seen)
    response = await send(method, path, body)
  }
  if (!response.ok) throw await errorOf(response)
  return response.status === 204 ? (undefined as T) : bodyOf<T>(response)
}

/** Firefox ends the reading of an answer with an AbortError when the page goes away. */
async function bodyOf<T>(response: Response): Promise<T> {
  return response.json().catch(() => Promise.reject(ApiError.offline())) as Promise<T>
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { 'Accept-Language': language }
  const raw = body instanceof Blob
  if (body !== undefined) headers['Content-Type'] = raw ? body.type : 'application/json'
  try {
    return await fetch(apiUrl(path), {
      method,
      headers,
      body: raw ? body : body === undefined ? undefined : toJson(body),
    })
  } catch {
    throw ApiError.offline()
  }
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
  const response = await send('POST', '/logins/refresh', {})
  if (response.ok) return rememberExpiry((await response.json()) as SignedIn)
  const refusal = await errorOf(response)
  if (response.status !== 401) throw refusal
  if (accessExpiry() !== seenExpiry && everSignedIn()) return // another tab was quicker, and holds fresh cookies
  onSignedOut()
  throw refusal
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
