import { useStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import {
  api,
  ApiError,
  socket,
  type CallTicket,
  type GroupCall,
  type GroupMedia,
  type MuteSource,
  type Uuid,
} from '@/api'
import { useAccount } from '@/features/account'
import { useConversations, useLiveCalls } from '@/features/conversations'
import { errorText, showError } from '@/shared/errors'
import { serverNow } from '@/shared/useNow'
import { farewell, knock, ring } from '../devices/sounds'
import { useDirectCall } from '../direct/directCall.store'
import type { Slot } from '../devices/slots'
import { useLocal } from '../devices/local.store'
import type { RoomPerson } from './person'
import type { MediaRoom } from './mediaRoom'
import {
  callOf,
  inHand,
  next,
  NO_GROUP_CALLS,
  type GroupCalls,
  type GroupEffect,
  type GroupInput,
  type Target,
} from './groupCallState'
import { nextFloor, remember, same, type Layout, type TileKey } from './scene'

/** A call that moved into the room ends its direct connection by then, whether the room carries it or not. */
const MOVE_MS = 10_000

/** A server that restarts is asked for the room again and again, for as long as anybody waits. */
const ASK_AGAIN_MS = 1000
const ASK_FOR_MS = 45_000

/** What the page was in when it was loaded anew, so that it goes back there. */
interface Seat {
  readonly callId: Uuid
  readonly fact?: string
  readonly camera: boolean
  readonly microphone: boolean
}

const SEAT = 'beckon.seat'

/** The group call of this page: feeds the machine, carries out what it decides, and holds what the screen shows. */
export const useGroupCall = defineStore('room', () => {
  const account = useAccount()
  const direct = useDirectCall()
  const local = useLocal()
  const live = useLiveCalls()
  const conversations = useConversations()

  const state = shallowRef<GroupCalls>(NO_GROUP_CALLS)
  const phase = computed(() => state.value.phase)
  const rings = computed(() => state.value.rings)
  const call = computed(() => (inHand(phase.value) ? callOf(phase.value) : undefined))
  const busy = computed(() => inHand(phase.value))
  /** Where the call belongs, if it is a conversation of mine: one may be a guest. */
  const conversationId = computed(() => {
    const target = 'target' in phase.value ? phase.value.target : undefined
    const id =
      callOf(phase.value)?.conversation_id ?? (target && 'conversationId' in target ? target.conversationId : undefined)
    return id && conversations.byId(id) && id
  })

  const people = shallowRef<readonly RoomPerson[]>([])
  const layout = useStorage<Layout>('beckon.layout', 'grid')
  const pinned = shallowRef<TileKey>()
  const floor = ref<Uuid>()
  const spoke = shallowRef<readonly Uuid[]>([])
  /** What somebody else turned off. */
  const turnedOff = ref<Slot>()
  /** The other of the two while a one-to-one call moves: still heard directly. */
  const moving = ref<Uuid>()

  /** Whether this is the call to show: one that is still moving is shown as it was. */
  const shown = computed(() => phase.value.kind !== 'idle' && !moving.value)

  let room: MediaRoom | undefined
  let stopSending: (() => void) | undefined
  /** The server's signature under our being in a call: it lets us back in even if the server has forgotten the call. */
  let pass: { callId: Uuid; fact?: string } | undefined

  function feed(input: GroupInput): void {
    if (!account.me) return
    const [after, effects] = next(state.value, input, { me: account.me.id, now: serverNow() })
    state.value = after
    effects.forEach(perform)
  }

  function perform(effect: GroupEffect): void {
    switch (effect.do) {
      case 'ask':
        return void ask(effect.target, effect.media)
      case 'enter':
        return void enter(effect.ticket)
      case 'exit':
        return exit()
      case 'decline':
        return void api
          .post('/group-calls/{call_id}/decline', { params: { path: { call_id: effect.callId } } })
          .catch(() => {})
    }
  }

  async function ask(target: Target, media: GroupMedia): Promise<void> {
    const asked = phase.value
    // A room that is asked for anew is lost; what it may still say is no news.
    close()
    try {
      const found = await untilAnswered(
        () => request(target, media),
        () => phase.value === asked && 'since' in asked && asked.since !== undefined,
      )
      if (phase.value === asked) feed({ type: 'ticket', ticket: found })
    } catch (error) {
      const code = error instanceof ApiError ? error.code : 'unknown'
      if (phase.value === asked) feed({ type: 'refused', refusal: { code, message: errorText(error) } })
    }
  }

  function request(target: Target, media: GroupMedia): Promise<CallTicket> {
    if ('conversationId' in target)
      return api.post('/conversations/{id}/call', { params: { path: { id: target.conversationId } }, body: { media } })
    const fact = pass?.callId === target.callId ? pass.fact : undefined
    return api.post('/group-calls/{call_id}/join', {
      params: { path: { call_id: target.callId } },
      body: fact ? { fact } : undefined,
    })
  }

  /** Whoever was inside waits for a server that is away for a moment. */
  async function untilAnswered<T>(question: () => Promise<T>, waits: () => boolean): Promise<T> {
    for (const until = Date.now() + ASK_FOR_MS; ;) {
      try {
        return await question()
      } catch (error) {
        const later = error instanceof ApiError && error.retryable && waits() && Date.now() < until
        if (!later) throw error
        await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
      }
    }
  }

  async function enter({ url, token, call, fact }: CallTicket): Promise<void> {
    close()
    pass = { callId: call.id, fact }
    const { MediaRoom } = await import('./mediaRoom')
    if (callOf(phase.value)?.id !== call.id || phase.value.kind !== 'joining') return
    const mine = new MediaRoom({
      onPeople: meet,
      onState: state => feed({ type: state }),
      onClosed: reason => mine === room && feed({ type: 'closed', reason }),
      onTurnedOff: turnOff,
    })
    room = mine
    void mine.mute('microphone', local.media?.on.microphone === false)
    stopSending = local.sendTo(mine)
    await mine.enter(url, token)
  }

  function meet(now: RoomPerson[]): void {
    people.value = now
    floor.value = nextFloor(floor.value, now)
    spoke.value = remember(spoke.value, now)
  }

  /** The device follows, so that what the person sees is true and turning it on again takes one click. */
  function turnOff(slot: Slot): void {
    turnedOff.value = slot
    if (slot === 'microphone') local.setMicrophone(false)
    else if (slot === 'camera' && local.media?.on.camera) local.toggleCamera()
    else if (local.media?.on.screen) local.toggleScreen()
  }

  /** Leaves the room as it is, for another or for good. */
  function close(): void {
    stopSending?.()
    room?.close()
    room = stopSending = undefined
  }

  function exit(): void {
    if (room) farewell()
    close()
    direct.moved()
    local.close()
    people.value = []
    moving.value = floor.value = turnedOff.value = pinned.value = undefined
    spoke.value = []
    sessionStorage.removeItem(SEAT)
  }

  function join(target: Target, media: GroupMedia, options: { muted?: boolean } = {}): void {
    if (busy.value && 'callId' in target && call.value?.id === target.callId) return
    direct.hangUp()
    direct.dismiss()
    feed({ type: 'join', target, media })
    local.open(media, options)
    people.value = alone(media, options)
  }

  /** Oneself, until the room tells who else is there. */
  function alone(media: GroupMedia, { muted = false }): RoomPerson[] {
    const { id, nickname } = account.me!
    return [
      {
        id,
        name: nickname,
        me: true,
        microphone: !muted,
        camera: media === 'video',
        screen: false,
        screenSince: 0,
        speaking: false,
        quality: 'good',
        pictures: {},
        paused: { camera: false, screen: false },
        sounds: {},
      },
    ]
  }

  /** The one-to-one call became this one; its devices are open, and its sound stays until the room has some. */
  function takeOver(moved: GroupCall): void {
    const { phase: was } = direct
    moving.value = was.kind === 'moving' ? was.call.peer.id : undefined
    feed({ type: 'join', target: { callId: moved.id }, media: moved.media })
  }

  function leave(): void {
    feed({ type: 'leave' })
  }

  /** Back to where the page was before it was loaded anew. */
  function resume(callId: Uuid): boolean {
    const seat = JSON.parse(sessionStorage.getItem(SEAT) ?? 'null') as Seat | null
    if (busy.value || seat?.callId !== callId) return false
    pass = seat
    join({ callId }, seat.camera ? 'video' : 'voice', { muted: !seat.microphone })
    return true
  }

  function personAt(userId: Uuid) {
    return { path: { call_id: call.value?.id ?? '', user_id: userId } }
  }

  async function moderate(act: Promise<unknown>): Promise<void> {
    await act.catch(showError)
  }

  direct.onMove({ takeOver, leave })
  for (const type of ['welcome', 'group_call', 'group_call_ringing'] as const) {
    socket.on(type, frame => feed(frame))
  }

  watch(
    () => local.media?.on.microphone,
    on => {
      void room?.mute('microphone', on === false)
      if (on) turnedOff.value = undefined
    },
  )
  watch(
    () =>
      phase.value.kind === 'live' &&
      call.value &&
      local.media && {
        callId: call.value.id,
        fact: pass?.fact,
        camera: local.media.on.camera,
        microphone: local.media.on.microphone,
      },
    seat => seat && sessionStorage.setItem(SEAT, JSON.stringify(seat)),
  )

  // Another call is no place for what became of this one.
  watch(
    () => direct.call?.id,
    id => id && feed({ type: 'dismiss' }),
  )

  // Somebody of two who ring is enough to hear.
  watch(
    () => rings.value.length > 0 && !direct.incoming.length && (busy.value || direct.call ? knock : ring),
    (sound, _, onCleanup) => sound && onCleanup(sound()),
  )

  // The direct connection has done its part once the other is heard, or known to be silent, in the room.
  watch(moving, (peer, _, onCleanup) => {
    if (!peer) return
    const timer = setTimeout(settleMove, MOVE_MS)
    onCleanup(() => clearTimeout(timer))
  })
  watch(people, () => {
    const them = people.value.find(person => person.id === moving.value)
    if (!them) return
    const voice = them.sounds.microphone
    // Whoever has just come has sent nothing yet; that is not silence.
    const silent = !them.microphone && !direct.remote.microphone
    if (silent || voice?.muted === false) settleMove()
    else voice?.addEventListener('unmute', settleMove, { once: true })
  })

  function settleMove(): void {
    moving.value = undefined
    direct.moved()
  }

  return {
    phase,
    rings,
    call,
    busy,
    conversationId,
    people,
    layout,
    pinned,
    floor,
    spoke,
    turnedOff,
    moving,
    shown,
    join,
    resume,
    leave,
    dismiss: () => feed({ type: 'dismiss' }),
    decline: (callId: Uuid) => feed({ type: 'decline', callId }),
    pin: (tile: TileKey) => (pinned.value = same(tile, pinned.value) ? undefined : tile),
    known: (callId: Uuid) => (callOf(phase.value)?.id === callId ? callOf(phase.value) : live.byId(callId)),
    mute: (userId: Uuid, source: MuteSource) =>
      moderate(
        api.post('/group-calls/{call_id}/people/{user_id}/mute', { params: personAt(userId), body: { source } }),
      ),
    remove: (userId: Uuid) =>
      moderate(api.delete('/group-calls/{call_id}/people/{user_id}', { params: personAt(userId) })),
  }
})
