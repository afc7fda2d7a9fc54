// @vitest-environment happy-dom
import { afterEach, expect, expectTypeOf, it, vi } from 'vitest'
import { api, apiUrl } from './client'
import type { Conversation, Message } from './types'

afterEach(() => void vi.unstubAllGlobals())

function answering(...answers: Response[]) {
  const fetched = vi.fn<(request: Request) => Promise<Response>>(() => Promise.resolve(answers.shift()!))
  vi.stubGlobal('fetch', fetched)
  return () => fetched.mock.calls.map(([request]) => request)
}

const FILE = { id: 'f 1' }

it('puts parameters in their places', async () => {
  const asked = answering(new Response('{}'))
  await api.get('/conversations/{id}/messages', {
    params: { path: { id: 'a/b' }, query: { limit: 5, after_seq: undefined } },
  })
  expect(asked()[0]!.url).toMatch(/\/api\/v1\/conversations\/a%2Fb\/messages\?limit=5$/)
  expect(apiUrl('/files/{id}/thumbnail', FILE)).toBe('/api/v1/files/f%201/thumbnail')
})

it('sends bytes as what they are, and an answer without a body is nothing', async () => {
  const asked = answering(new Response('{}'), new Response(null, { status: 204 }))
  const image = new Blob(['picture'], { type: 'image/webp' })
  await api.put('/me/avatar', { body: image, headers: { 'Content-Type': image.type } })
  expect(asked()[0]!.headers.get('Content-Type')).toBe('image/webp')
  expect(await asked()[0]!.text()).toBe('picture')
  expect(await api.delete('/logins/current')).toBeUndefined()
})

it('repeats a call with its body once the cookies are fresh', async () => {
  const old = new Response('{"code":"unauthenticated"}', { status: 401 })
  const asked = answering(old, new Response('{"access_expires_at":9}'), new Response('{"nickname":"Ann"}'))
  expect(await api.patch('/me', { body: { nickname: 'Ann' } })).toEqual({ nickname: 'Ann' })
  expect(asked().map(({ url }) => url.split('/v1').at(-1))).toEqual(['/me', '/logins/refresh', '/me'])
  expect(await asked()[2]!.text()).toBe('{"nickname":"Ann"}')
})

/** Checked by vue-tsc, never called. */
export async function typesOfCalls() {
  const id = 'c'
  expectTypeOf(await api.get('/conversations/{id}', { params: { path: { id } } })).toEqualTypeOf<Conversation>()
  const { messages } = await api.get('/conversations/{id}/messages', { params: { path: { id } } })
  expectTypeOf(messages).toEqualTypeOf<Message[]>()
  expectTypeOf(await api.post('/contact-requests/read')).toBeVoid()

  // @ts-expect-error no such path
  await api.get('/conversation')
  // @ts-expect-error the path has no such method
  await api.delete('/conversations/{id}', { params: { path: { id } } })
  // @ts-expect-error the parameter is missing
  await api.get('/conversations/{id}')
  // @ts-expect-error a parameter of another name
  await api.get('/conversations/{id}', { params: { path: { conversation_id: id } } })
  // @ts-expect-error no such field in the query
  await api.get('/conversations', { params: { query: { after: id } } })
  // @ts-expect-error the query has numbers there
  await api.get('/conversations/{id}/changes', { params: { path: { id }, query: { after_ver: 'new' } } })
  // @ts-expect-error a body without one of its fields
  await api.post('/me/password', { body: { old_password: 'a' } })
  // @ts-expect-error a body with a field too many
  await api.patch('/me', { body: { nickname: 'Ann', shoe_size: 38 } })
  // @ts-expect-error no such field in the answer
  void (await api.get('/me')).shoe_size
  // @ts-expect-error this file has no parameter of that name
  apiUrl('/files/{id}', { file: id })
}
