import { ref, type Ref } from 'vue'
import { api, refresh } from './client'
import { ApiError } from './errors'
import { isOutdated } from './revision'
import { toJson } from './text'
import { afterClose, judge, NOTHING, openingFrame, waitMs, type Memory } from './link'
import type { Ack, Lang, RequestFrame, ServerFrame, ServerFrameOf, ServerFrameType, TellFrame } from './types'

/** `waiting`: broken, another try is due. `stopped`: signed out, or the server said not to come back. */
export type SocketState = 'stopped' | 'connecting' | 'live' | 'waiting'

type Handler<T extends ServerFrameType> = (frame: ServerFrameOf<T>) => void
type Answer<F extends RequestFrame> = F extends { type: 'send' } ? Ack : void

interface Pending {
  resolve: (answer: never) => void
  reject: (error: ApiError) => void
  timer: ReturnType<typeof setTimeout>
}

/** How long a question waits for its answer; a sent message may still arrive later as a `message` frame. */
const ANSWER_TIMEOUT_MS = 10_000
/** A page cannot see the server's pings, and a dead network closes nothing, so silence is asked about this often. */
const HEARTBEAT_MS = 15_000
/** How long such a question waits: a connection that needs longer is of no use to anybody. */
const PROBE_TIMEOUT_MS = 5000
/** From a try to its welcome: a packet lost in an outage may be sent again only later. A slow way gets more time now and then. */
const OPEN_WITHIN_MS = 8000
const PATIENCE = [1, 2, 3]
/** However often somebody touches the page, it does not knock more often. */
const KNOCK_EVERY_MS = 1000

/** The one live connection: opens, resumes, reconnects, pairs answers with questions, hands frames out. */
export class Socket {
  readonly state: Ref<SocketState> = ref('stopped')
  /** The server no longer serves pages as old as this one. */
  readonly outdated: Ref<boolean> = ref(false)
  private ws?: WebSocket
  private memory: Memory = NOTHING
  private lang: Lang = 'en'
  private attempt = 0
  private openedAt = -Infinity
  private nextRef = 1
  private timer?: ReturnType<typeof setTimeout>
  private heartbeat?: ReturnType<typeof setInterval>
  private readonly pending = new Map<string, Pending>()
  private readonly handlers = new Map<ServerFrameType, Set<Handler<ServerFrameType>>>()

  /** Starts, and keeps the connection up until `stop`. */
  start(lang: Lang): void {
    this.lang = lang
    if (this.state.value !== 'stopped') return
    this.attempt = 0
    this.open()
  }

  /** The language of the server's texts from the next connection on. */
  speak(lang: Lang): void {
    this.lang = lang
  }

  stop(): void {
    clearTimeout(this.timer)
    this.memory = NOTHING
    this.state.value = 'stopped'
    this.drop()
  }

  /** Finds out at once how things are: the network is back, the page is visible again. */
  hurry(): void {
    if (this.state.value === 'live') this.probe()
    else if (this.state.value !== 'stopped') this.tryNow()
  }

  /** Does not wait any longer: somebody is there who wants it. A try that is under way goes on. */
  knock(): void {
    if (this.state.value === 'waiting') this.tryNow()
  }

  /** Handles every frame of a type until the returned function is called. */
  on<T extends ServerFrameType>(type: T, handler: Handler<T>): () => void {
    const handlers = this.handlers.get(type) ?? new Set()
    this.handlers.set(type, handlers)
    handlers.add(handler as unknown as Handler<ServerFrameType>)
    return () => handlers.delete(handler as unknown as Handler<ServerFrameType>)
  }

  /** Asks, and settles with the server's answer; rejects with `offline` when the connection breaks first. */
  request<F extends RequestFrame>(frame: F, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Answer<F>> {
    if (this.state.value !== 'live') return Promise.reject(ApiError.offline())
    const key = String(this.nextRef++)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.silent(key), timeoutMs)
      this.pending.set(key, { resolve, reject, timer })
      this.ws?.send(toJson({ ...frame, ref: key }))
    })
  }

  /** Says something that nobody answers; lost without harm when the connection is down. */
  tell(frame: TellFrame): void {
    if (this.state.value === 'live') this.ws?.send(toJson(frame))
  }

  private tryNow(): void {
    if (performance.now() - this.openedAt < KNOCK_EVERY_MS) return
    this.drop()
    this.open()
  }

  private open(): void {
    this.state.value = 'connecting'
    this.openedAt = performance.now()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.retry(), OPEN_WITHIN_MS * PATIENCE[this.attempt % PATIENCE.length]!)
    const url = new URL('/api/v1/ws', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const ws = new WebSocket(url, 'beckon.v1+json')
    let opened = false
    this.ws = ws
    ws.onopen = () => {
      opened = true
      ws.send(JSON.stringify(openingFrame(this.memory, this.lang)))
    }
    ws.onmessage = event => this.ws === ws && this.receive(JSON.parse(event.data as string) as ServerFrame)
    ws.onclose = event => this.ws === ws && this.closed(event.code, opened)
  }

  private receive(frame: ServerFrame): void {
    const [memory, verdict] = judge(this.memory, frame)
    this.memory = memory
    if (verdict === 'restart') return this.retry()
    if (verdict === 'ignore') return
    if (frame.type === 'welcome') {
      this.outdated.value = isOutdated(frame.client_min)
      this.attempt = 0
      this.state.value = 'live'
      clearTimeout(this.timer)
      clearInterval(this.heartbeat)
      this.heartbeat = setInterval(() => this.probe(), HEARTBEAT_MS)
    }
    this.answer(frame)
    for (const handler of this.handlers.get(frame.type) ?? []) handler(frame)
  }

  private answer(frame: ServerFrame): void {
    if (frame.type === 'error' && frame.ref) this.settle(frame.ref, p => p.reject(new ApiError(frame.error)))
    else if ((frame.type === 'ok' || frame.type === 'ack') && frame.ref)
      this.settle(frame.ref, p => p.resolve(frame as never))
  }

  /** An unanswered question means that the connection is dead, whatever the browser believes. */
  private silent(key: string): void {
    this.settle(key, p => p.reject(ApiError.offline()))
    if (this.state.value === 'live') this.retry()
  }

  private probe(): void {
    this.request({ type: 'ping' }, PROBE_TIMEOUT_MS).catch(() => {})
  }

  private settle(key: string, act: (pending: Pending) => void): void {
    const pending = this.pending.get(key)
    if (!pending) return
    this.pending.delete(key)
    clearTimeout(pending.timer)
    act(pending)
  }

  private async closed(code: number, opened: boolean): Promise<void> {
    this.drop()
    // A refused handshake shows no status to a page, so a REST call finds out whether it was the cookie.
    const next = opened ? afterClose(code) : 'authenticate'
    if (next === 'stop') return this.stop()
    if (next !== 'resume') this.memory = next === 'fresh' || opened ? NOTHING : this.memory
    this.state.value = 'waiting'
    // In an outage that call may hang for minutes.
    this.timer = setTimeout(() => this.open(), OPEN_WITHIN_MS)
    if (next === 'authenticate' && !(await this.stillSignedIn(opened))) return this.stop()
    // Somebody may have knocked meanwhile.
    if (this.state.value === 'waiting' && !this.ws) this.retry()
  }

  /** After 4401 the cookie itself is dead; after a failed handshake any call tells, refreshing as it goes. */
  private async stillSignedIn(revoked: boolean): Promise<boolean> {
    try {
      await (revoked ? refresh() : api.get('/me'))
      return true
    } catch (error) {
      return !(error instanceof ApiError && error.status === 401)
    }
  }

  private retry(): void {
    this.drop()
    this.state.value = 'waiting'
    this.timer = setTimeout(() => this.open(), waitMs(this.attempt++, document.visibilityState === 'hidden'))
  }

  private drop(): void {
    const ws = this.ws
    this.ws = undefined
    clearTimeout(this.timer)
    clearInterval(this.heartbeat)
    ws?.close()
    for (const key of this.pending.keys()) this.settle(key, p => p.reject(ApiError.offline()))
  }
}

/** The page's connection. */
export const socket = new Socket()

addEventListener('online', () => socket.hurry())
addEventListener('focus', () => socket.hurry())
for (const touch of ['pointerdown', 'keydown'])
  addEventListener(touch, () => socket.knock(), { capture: true, passive: true })
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && socket.hurry())
