import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef, watch } from 'vue'
import { ApiError, socket, type GroupCall, type Media, type Profile, type Signal, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { errorText } from '@/shared/errors'
import { randomUuid } from '@/shared/uuid'
import { serverNow } from '@/shared/useNow'
import { farewell, knock, ring, ringback } from './audio'
import { current, next, NO_CALLS, type Call, type Calls, type Effect, type Input } from './callState'
import { DirectCall, SLOTS, type Slot } from './direct'
import { useLocal } from './local.store'
import { Outbox, type Delivery } from './outbox'
import { rate, Steady, type Quality, type Sample } from './quality'

/** Nobody waits longer for media that does not come. */
const MEDIA_LOST_MS = 40_000
const SAMPLE_EVERY_MS = 2000
/** After a move the other side may still listen to the direct connection for as long. */
const LINGER_MS = 4000

const NOTHING_ON = { microphone: false, camera: false, screen: false }

/** The calls of this page: feeds the machine, carries out what it decides, and holds what the screen shows. */
export const useCall = defineStore('call', () => {
  const account = useAccount()
  const calls = shallowRef<Calls>(NO_CALLS)
  const phase = computed(() => calls.value.phase)
  const incoming = computed(() => calls.value.incoming)
  const call = computed(() => current(phase.value))

  const local = useLocal()
  const remote = reactive({ ...NOTHING_ON })
  const remoteTracks = shallowRef<Partial<Record<Slot, MediaStreamTrack>>>({})
  const quality = ref<Quality>('good')

  let direct: DirectCall | undefined
  let outbox: Outbox | undefined
  let stopSending: (() => void) | undefined
  let moveOn: (call: GroupCall) => void = () => {}
  let sampling: ReturnType<typeof setInterval> | undefined

  function feed(input: Input): void {
    if (!account.me) return
    const [after, effects] = next(calls.value, input, { me: account.me.id, now: serverNow() })
    calls.value = after
    effects.forEach(perform)
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'send': return send(effect.frame)
      case 'open': return open(effect.call)
      case 'signal': return receive(effect.signal)
      case 'repair': return repair()
      case 'close': return close()
      case 'move': return moveOn(effect.call)
      case 'hand_over': return handOver()
    }
  }

  function send(frame: Extract<Effect, { do: 'send' }>['frame']): void {
    socket.request(frame).catch(error => {
      if (frame.type !== 'call_start' && frame.type !== 'call_accept') return
      const code = error instanceof ApiError ? error.code : 'unknown'
      feed({ type: 'refused', callId: frame.call_id, refusal: { code, message: errorText(error) } })
    })
  }

  function open({ id, role, iceServers }: Call): void {
    outbox = new Outbox(signal => deliver(id, signal))
    direct = new DirectCall({
      polite: role === 'callee',
      iceServers,
      send: signal => outbox?.push(signal),
      onTracks: listTracks,
      onConnected: connected => feed({ type: connected ? 'media_up' : 'media_down' }),
    })
    stopSending = local.sendTo(direct)
    sampling = watchQuality(direct)
    tellMedia()
  }

  async function deliver(callId: Uuid, signal: Signal): Promise<Delivery> {
    try {
      await socket.request({ type: 'call_signal', call_id: callId, signal })
      return 'sent'
    } catch (error) {
      return error instanceof ApiError && error.retryable ? 'offline' : 'refused'
    }
  }

  function receive(signal: Signal): void {
    if (signal.kind !== 'media') return void direct?.receive(signal)
    const { microphone, camera, screen } = signal
    Object.assign(remote, { microphone, camera, screen })
  }

  function repair(): void {
    void outbox?.flush()
    direct?.repair()
  }

  function listTracks(): void {
    remoteTracks.value = Object.fromEntries(SLOTS.map(slot => [slot, direct?.remoteTrack(slot)]))
  }

  function close(): void {
    if (direct) farewell()
    direct?.close()
    forget()
    local.close()
  }

  /** What one hears comes from the room now; the connection stays for the other side, who may not be that far. */
  function handOver(): void {
    const leaving = direct
    setTimeout(() => leaving?.close(), LINGER_MS)
    forget()
  }

  function forget(): void {
    clearInterval(sampling)
    stopSending?.()
    direct = outbox = stopSending = undefined
    remoteTracks.value = {}
    quality.value = 'good'
    Object.assign(remote, NOTHING_ON)
  }

  function watchQuality(watched: DirectCall): ReturnType<typeof setInterval> {
    const steady = new Steady()
    let before: Sample | undefined
    return setInterval(async () => {
      const sample = await watched.sample().catch(() => undefined)
      if (!sample || watched !== direct) return
      if (before) quality.value = steady.hear(rate(before, sample))
      before = sample
    }, SAMPLE_EVERY_MS)
  }

  function tellMedia(): void {
    if (!local.media) return
    const { on, tracks } = local.media
    outbox?.push({ kind: 'media', microphone: on.microphone && !!tracks.microphone, camera: !!tracks.camera, screen: !!tracks.screen })
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

  for (const type of ['welcome', 'call_ringing', 'call_accepted', 'call_signal', 'call_ended', 'call_moved'] as const) {
    socket.on(type, frame => feed(frame as Input))
  }
  // A closed page says goodbye, so that nobody talks to an empty chair until the server gives up.
  addEventListener('pagehide', () => feed({ type: 'hangup' }))

  watch(() => local.media && [local.media.on.microphone, local.media.tracks.microphone, local.media.tracks.camera, local.media.tracks.screen], tellMedia)
  watch(phase, (_, __, onCleanup) => {
    const { kind } = phase.value
    const waits = kind === 'reconnecting' || (kind === 'connecting' && 'agreedAt' in phase.value)
    if (!waits) return
    const timer = setTimeout(() => feed({ type: 'media_lost' }), MEDIA_LOST_MS)
    onCleanup(() => clearTimeout(timer))
  })
  watch(() => incoming.value.length > 0 && (call.value ? knock : ring), (sound, _, onCleanup) => sound && onCleanup(sound()))
  watch(() => phase.value.kind === 'outgoing' && phase.value.ringing, (ringing, _, onCleanup) => ringing && onCleanup(ringback()))

  return {
    phase, incoming, call, remote, remoteTracks, quality,
    start, accept,
    decline: (callId: Uuid) => feed({ type: 'decline', callId }),
    hangUp: () => feed({ type: 'hangup' }),
    dismiss: () => feed({ type: 'dismiss' }),
    /** The room carries the call that moved. */
    moved: () => feed({ type: 'moved' }),
    /** Who takes over when a call becomes a group call. */
    onMove: (act: (call: GroupCall) => void) => (moveOn = act),
  }
})
