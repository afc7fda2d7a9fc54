import { defineStore } from 'pinia'
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { socket, type GroupCall, type Media, type Profile, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { serverNow } from '@/shared/useNow'
import { randomUuid } from '@/shared/uuid'
import { useLocal } from '../devices/local.store'
import { knock, ring, ringback } from '../devices/sounds'
import { NO_CALLS, type Call, type Calls, type DirectPhase, type Effect, type Input } from './directCall'
import { current, next } from './directCallState'
import { useDirectMedia } from './directMedia'
import { useDirectRequests } from './directRequests'
import { keepSeat, takeSeat } from './seat'

/** Nobody waits longer for media that does not come. */
const MEDIA_LOST_MS = 40_000

/** The group call that a call of two becomes. */
interface Successor {
  takeOver: (call: GroupCall) => void
  leave: () => void
}

/** The one-to-one calls of this page: feeds the machine, carries out what it decides, and holds what the screen shows. */
export const useDirectCall = defineStore('directCall', () => {
  const account = useAccount()
  const calls = shallowRef<Calls>(NO_CALLS)
  const phase = computed(() => calls.value.phase)
  const incoming = computed(() => calls.value.incoming)
  const call = computed(() => current(phase.value))
  const media = useDirectMedia(feed)
  const requests = useDirectRequests({ feed, callId: () => call.value?.id })
  let group: Successor = { takeOver: () => {}, leave: () => {} }

  function feed(input: Input): void {
    if (!account.me) return
    const [after, effects] = next(calls.value, input, { me: account.me.id, now: serverNow() })
    calls.value = after
    effects.forEach(perform)
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        return requests.send(effect.frame, effect.fact)
      case 'open':
        return media.open(effect.call)
      case 'signal':
        return media.receive(effect.signal)
      case 'repair':
        return media.repair()
      case 'close':
        return media.close()
      case 'move':
        return group.takeOver(effect.call)
      case 'hand_over':
        return media.handOver()
    }
  }

  for (const type of FRAMES) socket.on(type, frame => feed(frame))
  socket.on('welcome', frame => void requests.settle(frame))
  const { restore } = useReturn({ phase, call, feed })
  useMediaLimit(phase, () => feed({ type: 'media_lost' }))
  useRinging({ phase, incoming, call })

  const { remote, remoteTracks, quality } = media
  return {
    phase,
    incoming,
    call,
    remote,
    remoteTracks,
    quality,
    restore,
    ...useActs({ incoming, call, feed }),
    /** Leaves for good, also a call that is just becoming a group call. */
    leave: () => (phase.value.kind === 'moving' ? group.leave() : feed({ type: 'hangup' })),
    /** Names who takes over when a call becomes a group call. */
    onMove: (successor: Successor) => (group = successor),
  }
})

const FRAMES = [
  'welcome',
  'call_ringing',
  'call_accepted',
  'call_signal',
  'call_resumed',
  'call_away',
  'call_orphaned',
  'call_ended',
  'call_moved',
] as const

interface Machine {
  phase: ComputedRef<DirectPhase>
  incoming: ComputedRef<readonly Call[]>
  call: ComputedRef<Call | undefined>
  feed: (input: Input) => void
}

/** What a person can do. */
function useActs({ incoming, call, feed }: Pick<Machine, 'incoming' | 'call' | 'feed'>) {
  const local = useLocal()

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

  return {
    start,
    accept,
    decline: (callId: Uuid) => feed({ type: 'decline', callId }),
    hangUp: () => feed({ type: 'hangup' }),
    dismiss: () => feed({ type: 'dismiss' }),
    /** The room carries the call that moved. */
    moved: () => feed({ type: 'moved' }),
  }
}

/** Lets a page that is loaded anew in the middle of a call find its way back. */
function useReturn({ phase, call, feed }: Pick<Machine, 'phase' | 'call' | 'feed'>) {
  const account = useAccount()
  const local = useLocal()

  /** Back into the call that this page was in before it was loaded anew. */
  function restore(): void {
    const seat = account.me && takeSeat(account.me.id, Date.now())
    if (!seat || call.value) return
    local.open(seat.camera ? 'video' : 'voice', { muted: !seat.microphone })
    feed({ type: 'restore', call: seat.call, agreedAt: seat.agreedAt })
  }

  /** What was not answered yet is called off, so that nobody rings in vain. */
  function leavePage(): void {
    const agreedAt = 'agreedAt' in phase.value ? phase.value.agreedAt : undefined
    if (!account.me || !call.value?.fact || agreedAt === undefined) return feed({ type: 'hangup' })
    const { camera = false, microphone = true } = local.media?.on ?? {}
    keepSeat({ me: account.me.id, call: call.value, agreedAt, camera, microphone, leftAt: Date.now() })
  }

  addEventListener('pagehide', leavePage)
  return { restore }
}

function useMediaLimit(phase: Machine['phase'], onLost: () => void): void {
  watch(phase, (_, __, onCleanup) => {
    const { kind } = phase.value
    const waits = kind === 'reconnecting' || (kind === 'connecting' && 'agreedAt' in phase.value)
    if (!waits) return
    const timer = setTimeout(onLost, MEDIA_LOST_MS)
    onCleanup(() => clearTimeout(timer))
  })
}

function useRinging({ phase, incoming, call }: Pick<Machine, 'phase' | 'incoming' | 'call'>): void {
  watch(
    () => incoming.value.length > 0 && (call.value ? knock : ring),
    (sound, _, onCleanup) => sound && onCleanup(sound()),
  )
  watch(
    () => phase.value.kind === 'outgoing' && phase.value.ringing,
    (ringing, _, onCleanup) => ringing && onCleanup(ringback()),
  )
}
