// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from './errors'
import { REVISION } from './revision'
import { Socket } from './socket'

/** The far end of the socket, in the hands of the test. */
class Far {
  static all: Far[] = []
  static get last(): Far {
    return Far.all.at(-1)!
  }
  readonly said: Record<string, unknown>[] = []
  onopen?: () => void
  onmessage?: (event: { data: string }) => void
  onclose?: (event: { code: number }) => void

  constructor() {
    Far.all.push(this)
  }
  send(text: string) {
    this.said.push(JSON.parse(text))
  }
  close() {}
  hear(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  welcome(recovered = false, n = 1) {
    this.onopen?.()
    this.hear({ type: 'welcome', n, socket_id: 's', recovered, calls: [] })
  }
}

const answer = (status: number, body: object = {}) => Promise.resolve(new Response(JSON.stringify(body), { status }))
const LONG_MS = 30_000
const SOON_MS = 1000

let socket: Socket
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', Far)
  vi.stubGlobal(
    'fetch',
    vi.fn(() => answer(200)),
  )
  Far.all = []
  socket = new Socket()
  socket.start('zh')
})
afterEach(() => {
  socket.stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('says hello in the chosen language and is live with the welcome', () => {
  Far.last.onopen?.()
  expect(Far.last.said).toEqual([{ type: 'hello', lang: 'zh' }])
  expect(socket.state.value).toBe('connecting')
  Far.last.hear({ type: 'welcome', n: 1, socket_id: 's', recovered: false, calls: [] })
  expect(socket.state.value).toBe('live')
})

it('ignores frames and fields of a later server and goes on', async () => {
  Far.last.welcome()
  Far.last.hear({ type: 'telepathy', n: 2, to: 'everybody' })
  const asked = socket.request({ type: 'ping' })
  Far.last.hear({ type: 'ok', n: 3, ref: Far.last.said.at(-1)!.ref, colour: 'blue' })
  await asked
  expect(Far.all).toHaveLength(1)
})

it('says that the page is too old when the server says so', () => {
  Far.last.welcome()
  expect(socket.outdated.value, 'a server of the first release says nothing').toBe(false)
  Far.last.hear({ type: 'welcome', n: 1, socket_id: 's', recovered: false, calls: [], client_min: REVISION })
  expect(socket.outdated.value).toBe(false)
  Far.last.hear({ type: 'welcome', n: 1, socket_id: 's', recovered: false, calls: [], client_min: REVISION + 1 })
  expect(socket.outdated.value).toBe(true)
})

describe('asking', () => {
  beforeEach(() => Far.last.welcome())

  it('pairs answers with questions whatever their order', async () => {
    const first = socket.request({ type: 'ping' })
    const second = socket.request({
      type: 'send',
      conversation_id: 'c',
      client_msg_id: 'k',
      body: { type: 'text', text: 'x' },
    })
    const [, a, b] = Far.last.said
    Far.last.hear({ type: 'ack', n: 2, ref: b!.ref, seq: 4 })
    Far.last.hear({ type: 'ok', n: 3, ref: a!.ref })
    await expect(second).resolves.toMatchObject({ seq: 4 })
    await expect(first).resolves.toBeDefined()
  })

  it('rejects with the refusal', async () => {
    const asked = socket.request({ type: 'ping' })
    Far.last.hear({
      type: 'error',
      n: 2,
      ref: Far.last.said[1]!.ref,
      error: { code: 'denied', message: 'no', retryable: false, request_id: '' },
    })
    await expect(asked).rejects.toMatchObject({ code: 'denied', retryable: false })
  })

  it('does not wait for ever', async () => {
    const asked = socket.request({ type: 'ping' }, 500)
    const outcome = expect(asked).rejects.toBeInstanceOf(ApiError)
    await vi.advanceTimersByTimeAsync(501)
    await outcome
  })

  it('takes silence for a dead connection and resumes', async () => {
    const outcome = expect(socket.request({ type: 'ping' })).rejects.toMatchObject({ code: 'offline' })
    await vi.advanceTimersByTimeAsync(11_000)
    await outcome
    expect(Far.all).toHaveLength(2)
    Far.last.onopen?.()
    expect(Far.last.said[0]).toMatchObject({ type: 'resume', n: 1 })
  })

  it('asks of itself when nothing is said for long', async () => {
    await vi.advanceTimersByTimeAsync(16_000)
    expect(Far.last.said.at(-1)).toMatchObject({ type: 'ping' })
  })

  it('rejects what is open when the connection breaks, as something to try again', async () => {
    const asked = socket.request({ type: 'ping' })
    Far.last.onclose?.({ code: 1006 })
    await expect(asked).rejects.toMatchObject({ code: 'offline', retryable: true })
  })
})

describe('after a break', () => {
  beforeEach(() => Far.last.welcome())

  it('resumes where it was and hands out what was missed, once', async () => {
    const heard = vi.fn()
    socket.on('sync', heard)
    Far.last.hear({ type: 'sync', n: 2 })
    Far.last.onclose?.({ code: 1012 })
    await vi.advanceTimersByTimeAsync(LONG_MS)
    Far.last.onopen?.()
    expect(Far.last.said[0]).toMatchObject({ type: 'resume', socket_id: 's', n: 2 })
    Far.last.hear({ type: 'welcome', n: 4, socket_id: 's', recovered: true, calls: [] })
    Far.last.hear({ type: 'sync', n: 3 })
    Far.last.hear({ type: 'sync', n: 3 })
    expect(heard).toHaveBeenCalledTimes(2)
  })

  it('starts anew when a frame is missing', async () => {
    Far.last.hear({ type: 'sync', n: 9 })
    expect(socket.state.value).toBe('waiting')
    await vi.advanceTimersByTimeAsync(LONG_MS)
    Far.last.onopen?.()
    expect(Far.last.said[0]).toMatchObject({ type: 'hello' })
  })

  it('comes back at once when the network does', async () => {
    await vi.advanceTimersByTimeAsync(2000)
    Far.last.onclose?.({ code: 1006 })
    socket.hurry()
    expect(Far.all).toHaveLength(2)
  })

  it('gives up a try that hangs, and makes the next one soon', async () => {
    Far.last.onclose?.({ code: 1006 })
    for (let tries = 2; tries < 12; tries++) {
      await vi.advanceTimersByTimeAsync(24_000 + 4000)
      expect(Far.all.length).toBeGreaterThanOrEqual(tries)
    }
  })

  it('tries again after a few seconds at most, however long it was away', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
    Far.last.onclose?.({ code: 1006 })
    for (let n = 0; n < 60; n++) {
      await vi.advanceTimersByTimeAsync(1000)
      Far.last.onclose?.({ code: 1006 })
    }
    const before = Far.all.length
    await vi.advanceTimersByTimeAsync(4100)
    expect(Far.all.length).toBeGreaterThan(before)
  })

  it('tries again at once when the page is touched, but not with every touch', async () => {
    await vi.advanceTimersByTimeAsync(2000)
    Far.last.onclose?.({ code: 1006 })
    for (let n = 0; n < 10; n++) socket.knock()
    expect(Far.all).toHaveLength(2)
  })

  it('is not kept from connecting by somebody who goes on typing', async () => {
    Far.last.onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(1000)
    const tried = Far.all.length
    for (let keys = 0; keys < 6; keys++) {
      await vi.advanceTimersByTimeAsync(1000)
      socket.knock()
    }
    expect(Far.all).toHaveLength(tried)
  })

  it('is not held up by a question about the login that nobody answers', async () => {
    Far.last.onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(1000)
    vi.stubGlobal('fetch', () => new Promise(() => {}))
    Far.last.onclose?.({ code: 1006 })
    const before = Far.all.length
    await vi.advanceTimersByTimeAsync(8100)
    expect(Far.all.length).toBeGreaterThan(before)
  })

  it('says half a surrogate as a character that JSON can carry', () => {
    void socket
      .request({ type: 'send', conversation_id: 'c', client_msg_id: 'k', body: { type: 'text', text: 'half \ud83d' } })
      .catch(() => {})
    expect(Far.last.said.at(-1)).toMatchObject({ body: { text: 'half \ufffd' } })
  })

  it('stays away when it was replaced, until somebody asks for it', async () => {
    Far.last.onclose?.({ code: 4409 })
    await vi.advanceTimersByTimeAsync(LONG_MS)
    expect(Far.all).toHaveLength(1)
    expect(socket.state.value).toBe('stopped')
    socket.start('zh')
    expect(Far.all).toHaveLength(2)
  })
})

describe('when the login may be over', () => {
  it('comes back after a refresh', async () => {
    Far.last.welcome()
    Far.last.onclose?.({ code: 4401 })
    await vi.advanceTimersByTimeAsync(SOON_MS)
    expect(Far.all).toHaveLength(2)
  })

  it('stops when the refresh is refused', async () => {
    vi.stubGlobal('fetch', () => answer(401, { code: 'unauthenticated' }))
    Far.last.welcome()
    Far.last.onclose?.({ code: 4401 })
    await vi.advanceTimersByTimeAsync(LONG_MS)
    expect(Far.all).toHaveLength(1)
    expect(socket.state.value).toBe('stopped')
  })

  it('keeps trying while the server is away', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
    Far.last.onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(SOON_MS)
    expect(Far.all).toHaveLength(2)
  })
})
