import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef, watch } from 'vue'
import { ApiError, socket, type GroupCall, type Media, type Profile, type Signal, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { errorText } from '@/shared/errors'
import { randomUuid } from '@/shared/uuid'
import { serverNow } from '@/shared/useNow'
import { farewell, knock, ring, ringback } from '../devices/sounds'
import { current, next } from './directCallState'
import { NO_CALLS, type Call, type Calls, type Effect, type Input } from './directCall'
import { DirectConnection } from './directConnection'
import { SLOTS, type Slot } from '../devices/slots'
import { useLocal } from '../devices/local.store'
import { keepSeat, takeSeat } from './seat'
import { Outbox, type Delivery } from './signalOutbox'
import { rate, Steady, type Quality, type Sample } from './quality'

/** Nobody waits longer for media that does not come. */
const MEDIA_LOST_MS = 40_000
const SAMPLE_EVERY_MS = 2000
/** A server that cannot let us back in yet is asked again. */
const ASK_AGAIN_MS = 1000
/** After a move the other side may still listen to the direct connection for as long. */
const LINGER_MS = 4000

/** The group call that a call of two becomes. */
interface Successor {
  takeOver: (call: GroupCall) => void
  leave: () => void
}

const NOTHING_ON = { microphone: false, camera: false, screen: false }

/** The calls of this page: feeds the machine, carries out what it decides, and holds what the screen shows. */
export const useDirectCall = defineStore('call', () => {
  const account = useAccount()
  const calls = shallowRef<Calls>(NO_CALLS)
  const phase = computed(() => calls.value.phase)
  const incoming = computed(() => calls.value.incoming)
  const call = computed(() => current(phase.value))

  const local = useLocal()
  const remote = reactive({ ...NOTHING_ON })
  const remoteTracks = shallowRef<Partial<Record<Slot, MediaStreamTrack>>>({})
  const quality = ref<Quality>('good')

  let connection: DirectConnection | undefined
  let outbox: Outbox | undefined
  let stopSending: (() => void) | undefined
  let group: Successor = { takeOver: () => {}, leave: () => {} }
  let sampling: ReturnType<typeof setInterval> | undefined
  /** Hung up while the server was away, so that it has not heard of it. */
  let owed: { callId: Uuid; fact?: string } | undefined

  function feed(input: Input): void {
    if (!account.me) return
    const [after, effects] = next(calls.value, input, { me: account.me.id, now: serverNow() })
    calls.value = after
    effects.forEach(perform)
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        return send(effect.frame, effect.fact)
      case 'open':
        return open(effect.call)
      case 'signal':
        return receive(effect.signal)
      case 'repair':
        return repair()
      case 'close':
        return close()
      case 'move':
        return group.takeOver(effect.call)
      case 'hand_over':
        return handOver()
    }
  }

  function send(frame: Extract<Effect, { do: 'send' }>['frame'], fact?: string): void {
    socket.request(frame).catch(error => {
      const code = error instanceof ApiError ? error.code : 'unknown'
      const later = error instanceof ApiError && error.retryable
      switch (frame.type) {
        case 'call_hangup':
          return void (later && (owed = { callId: frame.call_id, fact }))
        case 'call_resume':
          return later
            ? askAgain(frame, code)
            : feed({ type: 'not_resumed', callId: frame.call_id, over: code === 'call_over' })
        case 'call_start':
        case 'call_accept':
          return feed({ type: 'refused', callId: frame.call_id, refusal: { code, message: errorText(error) } })
      }
    })
  }

  /** A server that cannot say yet; a new socket asks by itself. */
  function askAgain(frame: Extract<Effect, { do: 'send' }>['frame'], code: string): void {
    if (code === 'offline') return
    setTimeout(() => call.value?.id === frame.call_id && socket.state.value === 'live' && send(frame), ASK_AGAIN_MS)
  }

  /** Tells a server that is back what it has not heard; one that has forgotten the call is shown it first. */
  async function settle({ calls: known }: { calls: readonly { id: Uuid }[] }): Promise<void> {
    if (!owed) return
    const { callId, fact } = owed
    owed = undefined
    try {
      if (fact && !known.some(one => one.id === callId))
        await socket.request({ type: 'call_resume', call_id: callId, fact })
      await socket.request({ type: 'call_hangup', call_id: callId })
    } catch (error) {
      if (error instanceof ApiError && error.code === 'offline') owed ??= { callId, fact }
    }
  }

  function open({ id, role, iceServers, connection: agreed }: Call): void {
    connection?.close()
    forget()
    outbox = new Outbox(signal => deliver(id, signal, agreed))
    connection = new DirectConnection({
      polite: role === 'callee',
      iceServers,
      send: signal => outbox?.push(signal),
      onTracks: listTracks,
      onConnected: connected => feed({ type: connected ? 'media_up' : 'media_down' }),
    })
    stopSending = local.sendTo(connection)
    sampling = watchQuality(connection)
    tellMedia()
  }

  async function deliver(callId: Uuid, signal: Signal, connection?: number): Promise<Delivery> {
    try {
      await socket.request({ type: 'call_signal', call_id: callId, signal, connection })
      return 'sent'
    } catch (error) {
      return error instanceof ApiError && error.retryable ? 'offline' : 'refused'
    }
  }

  function receive(signal: Signal): void {
    if (signal.kind !== 'media') return void connection?.receive(signal)
    const { microphone, camera, screen } = signal
    Object.assign(remote, { microphone, camera, screen })
  }

  function repair(): void {
    void outbox?.flush()
    connection?.repeat()
    tellMedia()
    if (connection?.connected) feed({ type: 'media_up' })
    else connection?.repair()
  }

  function listTracks(): void {
    remoteTracks.value = Object.fromEntries(SLOTS.map(slot => [slot, connection?.remoteTrack(slot)]))
  }

  function close(): void {
    if (connection) farewell()
    connection?.close()
    forget()
    local.close()
  }

  /** What one hears comes from the room now; the connection stays for the other side, who may not be that far. */
  function handOver(): void {
    const leaving = connection
    setTimeout(() => leaving?.close(), LINGER_MS)
    forget()
  }

  function forget(): void {
    clearInterval(sampling)
    stopSending?.()
    connection = outbox = stopSending = undefined
    remoteTracks.value = {}
    quality.value = 'good'
    Object.assign(remote, NOTHING_ON)
  }

  function watchQuality(watched: DirectConnection): ReturnType<typeof setInterval> {
    const steady = new Steady()
    let before: Sample | undefined
    return setInterval(async () => {
      const sample = await watched.sample().catch(() => undefined)
      if (!sample || watched !== connection) return
      if (before) quality.value = steady.hear(rate(before, sample))
      before = sample
    }, SAMPLE_EVERY_MS)
  }

  function tellMedia(): void {
    if (!local.media) return
    const { on, tracks } = local.media
    outbox?.push({
      kind: 'media',
      microphone: on.microphone && !!tracks.microphone,
      camera: !!tracks.camera,
      screen: !!tracks.screen,
    })
  }

  function start(peer: Profile, media: Media): void {
    if (call.value) return
    feed({ type: 'start', callId: randomUuid(), peer, media })
    local.open(media)
  }

  function accept(callId: Uuid, media: Media): void {
    if (!incoming.value.some(one => one.id === callId)) return
    feed({ type: 'accept', callId })
    local.open(media)
  }

  /** Back into the call that this page was in before it was loaded anew. */
  function restore(): void {
    const seat = account.me && takeSeat(account.me.id, Date.now())
    if (!seat || call.value) return
    local.open(seat.camera ? 'video' : 'voice', { muted: !seat.microphone })
    feed({ type: 'restore', call: seat.call, agreedAt: seat.agreedAt })
  }

  /** A page may be loaded anew in the middle of a call; what was not answered yet is called off, so that nobody rings in vain. */
  function leavePage(): void {
    const { phase: now } = calls.value
    const agreedAt = 'agreedAt' in now ? now.agreedAt : undefined
    if (!account.me || !call.value?.fact || agreedAt === undefined) return feed({ type: 'hangup' })
    const { camera = false, microphone = true } = local.media?.on ?? {}
    keepSeat({ me: account.me.id, call: call.value, agreedAt, camera, microphone, leftAt: Date.now() })
  }

  for (const type of [
    'welcome',
    'call_ringing',
    'call_accepted',
    'call_signal',
    'call_resumed',
    'call_away',
    'call_orphaned',
    'call_ended',
    'call_moved',
  ] as const) {
    socket.on(type, frame => feed(frame))
  }
  socket.on('welcome', frame => void settle(frame))
  addEventListener('pagehide', leavePage)

  watch(
    () =>
      local.media && [
        local.media.on.microphone,
        local.media.tracks.microphone,
        local.media.tracks.camera,
        local.media.tracks.screen,
      ],
    tellMedia,
  )
  watch(phase, (_, __, onCleanup) => {
    const { kind } = phase.value
    const waits = kind === 'reconnecting' || (kind === 'connecting' && 'agreedAt' in phase.value)
    if (!waits) return
    const timer = setTimeout(() => feed({ type: 'media_lost' }), MEDIA_LOST_MS)
    onCleanup(() => clearTimeout(timer))
  })
  watch(
    () => incoming.value.length > 0 && (call.value ? knock : ring),
    (sound, _, onCleanup) => sound && onCleanup(sound()),
  )
  watch(
    () => phase.value.kind === 'outgoing' && phase.value.ringing,
    (ringing, _, onCleanup) => ringing && onCleanup(ringback()),
  )

  return {
    phase,
    incoming,
    call,
    remote,
    remoteTracks,
    quality,
    start,
    accept,
    restore,
    decline: (callId: Uuid) => feed({ type: 'decline', callId }),
    hangUp: () => feed({ type: 'hangup' }),
    dismiss: () => feed({ type: 'dismiss' }),
    /** The room carries the call that moved. */
    moved: () => feed({ type: 'moved' }),
    /** Leaves for good, also a call that is just becoming a group call. */
    leave: () => (phase.value.kind === 'moving' ? group.leave() : feed({ type: 'hangup' })),
    /** Names who takes over when a call becomes a group call. */
    onMove: (successor: Successor) => (group = successor),
  }
})
