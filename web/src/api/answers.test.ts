// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest'
import { api } from './client'

afterEach(() => void vi.unstubAllGlobals())

/** An answer whose body breaks off, as when a page goes away or the network does. */
function broken(status: number) {
  const body = new ReadableStream({
    start: stream => stream.error(new DOMException('The operation was aborted.', 'AbortError')),
  })
  return Promise.resolve(new Response(body, { status }))
}

it('an answer that breaks off counts as none, and may be asked for again', async () => {
  vi.stubGlobal('fetch', () => broken(200))
  await expect(api.get('/me')).rejects.toMatchObject({ name: 'ApiError', code: 'offline', retryable: true })
})

it('so does a refusal', async () => {
  vi.stubGlobal('fetch', () => broken(503))
  await expect(api.get('/me')).rejects.toMatchObject({ name: 'ApiError', retryable: true })
})

it('says well-formed text only', async () => {
  const fetched = vi.fn<(request: Request) => Promise<Response>>(() => Promise.resolve(new Response('{}')))
  vi.stubGlobal('fetch', fetched)
  await api.patch('/me', { body: { nickname: 'half \ud83d' } })
  expect(await fetched.mock.calls[0]![0].text()).toBe('{"nickname":"half \uFFFD"}')
})
