// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type {
  api as Api,
  refresh as Refresh,
  rememberExpiry as RememberExpiry,
  whenSignedOut as WhenSignedOut,
} from './client'

/** A server with one login: it trades the token that a browser holds, and knows the one before for a while. */
class Server {
  refreshes = 0
  loses = 0
  refuses = false
  fetch = ({ url }: Request): Promise<Response> => {
    if (!url.endsWith('/logins/refresh'))
      return Promise.resolve(new Response('{"code":"unauthenticated"}', { status: 401 }))
    this.refreshes += 1
    if (this.refuses) return Promise.resolve(new Response('{"code":"unauthenticated"}', { status: 401 }))
    if (this.loses-- > 0) return Promise.reject(new TypeError('the answer is lost'))
    return Promise.resolve(new Response(JSON.stringify({ access_expires_at: 1000 + this.refreshes }), { status: 200 }))
  }
}

interface Tab {
  api: typeof Api
  refresh: typeof Refresh
  rememberExpiry: typeof RememberExpiry
  whenSignedOut: typeof WhenSignedOut
}

/** A page of its own: it shares cookies and storage with others, and nothing else. */
async function tab(signedOut: () => void): Promise<Tab> {
  vi.resetModules()
  const client = await import('./client')
  client.whenSignedOut(signedOut)
  return client
}

let server: Server
const signedOut = vi.fn()
beforeEach(() => {
  server = new Server()
  vi.stubGlobal('fetch', server.fetch)
  localStorage.clear()
  localStorage.setItem('beckon.access_expires_at', '1000')
  signedOut.mockClear()
})
afterEach(() => vi.unstubAllGlobals())

it('keeps two tabs signed in that renew their cookies at once', async () => {
  const [one, other] = [await tab(signedOut), await tab(signedOut)]
  await Promise.all([one.refresh(), other.refresh()])
  expect(signedOut).not.toHaveBeenCalled()
})

it('stays signed in when an answer is lost, or the page is loaded again meanwhile, and asks again', async () => {
  server.loses = 1
  const one = await tab(signedOut)
  await expect(one.refresh()).rejects.toMatchObject({ code: 'offline' })
  const reloaded = await tab(signedOut)
  await reloaded.refresh()
  expect(server.refreshes).toBe(2)
  expect(signedOut).not.toHaveBeenCalled()
})

it('believes the cookies of a tab that was quicker, not the refusal of its own', async () => {
  const one = await tab(signedOut)
  server.refuses = true
  const renewing = one.refresh()
  localStorage.setItem('beckon.access_expires_at', '2000')
  await renewing
  expect(signedOut).not.toHaveBeenCalled()
})

it('is signed out when the server says so', async () => {
  const one = await tab(signedOut)
  server.refuses = true
  await expect(one.refresh()).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(signedOut).toHaveBeenCalledOnce()
})
