// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { ApiError, socket, type Ack, type Me } from '@/api'
import { useAccount } from '@/features/account'
import { useOutbox } from './outbox.store'

/** What survives a reload. */
const disk = new Map<string, unknown>()
vi.mock('idb-keyval', () => ({
  createStore: () => ({}),
  set: async (key: string, value: unknown) => void disk.set(key, structuredClone(value)),
  del: async (key: string) => void disk.delete(key),
  values: async () => [...disk.values()],
  clear: async () => disk.clear(),
}))

type Sent = { client_msg_id: string; body: { text: string } }
let sent: Sent[]
let answer: (frame: Sent) => Promise<Ack>

/** A page opened anew: the stores begin from nothing but the disk. */
async function openPage() {
  setActivePinia(createPinia())
  useAccount().me = { id: 'me' } as Me
  const outbox = useOutbox()
  await outbox.restore()
  return outbox
}

const ack = async (frame: Sent): Promise<Ack> => ({
  client_msg_id: frame.client_msg_id,
  msg_id: 'm',
  conversation_id: 'c',
  seq: 1,
  ver: 1,
  at: 0,
  dup: false,
})

beforeEach(() => {
  disk.clear()
  sent = []
  answer = ack
  socket.state.value = 'live'
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
  vi.spyOn(socket, 'request').mockImplementation(((frame: Sent) => {
    sent.push(frame)
    return answer(frame)
  }) as never)
})

const words = () => sent.map(frame => frame.body.text)

it('sends in the order of writing and forgets what is acknowledged', async () => {
  const outbox = await openPage()
  for (const text of ['one', 'two', 'three']) outbox.add('c', { kind: 'text', text })
  await flushPromises()
  expect(words()).toEqual(['one', 'two', 'three'])
  expect(outbox.items).toEqual([])
  expect(disk.size).toBe(0)
})

it('after a reload in the middle sends the same message, not another one', async () => {
  answer = () => new Promise(() => {})
  const before = await openPage()
  before.add('c', { kind: 'text', text: 'once' })
  await flushPromises()

  answer = ack
  await openPage()
  await flushPromises()
  expect(words()).toEqual(['once', 'once'])
  expect(sent[0]!.client_msg_id).toBe(sent[1]!.client_msg_id)
  expect(disk.size).toBe(0)
})

it('keeps what is written while the connection is away', async () => {
  socket.state.value = 'waiting'
  const outbox = await openPage()
  outbox.add('c', { kind: 'text', text: 'later' })
  await flushPromises()
  expect(sent).toEqual([])
  expect(disk.size).toBe(1)
})

it('shows a refusal, lets the next one pass, and sends again when asked', async () => {
  answer = frame =>
    frame.body.text === 'bad' ? Promise.reject(new ApiError({ code: 'blocked', message: 'No.' })) : ack(frame)
  const outbox = await openPage()
  outbox.add('c', { kind: 'text', text: 'bad' })
  outbox.add('c', { kind: 'text', text: 'good' })
  await flushPromises()
  expect(words()).toEqual(['bad', 'good'])
  expect(outbox.items).toMatchObject([{ failure: { code: 'blocked', message: 'No.' } }])

  answer = ack
  outbox.retry(outbox.items[0]!.clientMsgId)
  await flushPromises()
  expect(outbox.items).toEqual([])
  expect(sent[2]!.client_msg_id).toBe(sent[0]!.client_msg_id)
})

it('tries again by itself when the server is busy, without passing by', async () => {
  vi.useFakeTimers()
  answer = () => Promise.reject(new ApiError({ code: 'busy', retryable: true, retry_after_ms: 200 }))
  const outbox = await openPage()
  outbox.add('c', { kind: 'text', text: 'first' })
  outbox.add('c', { kind: 'text', text: 'second' })
  await vi.advanceTimersByTimeAsync(10)
  expect(words()).toEqual(['first'])
  answer = ack
  await vi.advanceTimersByTimeAsync(250)
  expect(words()).toEqual(['first', 'first', 'second'])
  vi.useRealTimers()
})

it('gives up by itself what never gets an answer, lets the others pass, and may be told to forget it', async () => {
  vi.useFakeTimers()
  answer = frame => (frame.body.text === 'poison' ? Promise.reject(ApiError.offline()) : ack(frame))
  const outbox = await openPage()
  outbox.add('c', { kind: 'text', text: 'poison' })
  outbox.add('c', { kind: 'text', text: 'next' })
  await vi.advanceTimersByTimeAsync(7000)
  expect(words()).not.toContain('next')
  expect(outbox.isStuck(outbox.items[0]!.clientMsgId)).toBe(true)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(words().at(-1)).toBe('next')
  expect(outbox.items).toMatchObject([{ failure: { code: 'offline' } }])
  outbox.discard(outbox.items[0]!.clientMsgId)
  expect([outbox.items, disk.size]).toEqual([[], 0])
  vi.useRealTimers()
})
