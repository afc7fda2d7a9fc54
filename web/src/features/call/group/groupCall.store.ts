import { defineStore } from 'pinia'
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { socket, type GroupMedia, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { useConversations, useLiveCalls } from '@/features/conversations'
import { serverNow } from '@/shared/useNow'
import { useLocal } from '../devices/local.store'
import { knock, ring } from '../devices/sounds'
import { useDirectCall } from '../direct/directCall.store'
import { callOf, inHand, next, NO_GROUP_CALLS } from './groupCallState'
import type { GroupCalls, GroupEffect, GroupInput, GroupPhase, Target } from './groupCallState'
import { useGroupEntry } from './groupEntry'
import { useGroupMove } from './groupMove'
import { declineCall, useModeration } from './groupRequests'
import { alone, useGroupScene } from './groupScene'
import { groupSeat, keepGroupSeat, leaveGroupSeat } from './groupSeat'

/** The group call of this page: feeds the machine, carries out what it decides, and holds what the screen shows. */
export const useGroupCall = defineStore('groupCall', () => {
  const account = useAccount()
  const local = useLocal()
  const direct = useDirectCall()
  const live = useLiveCalls()
  const calls = shallowRef<GroupCalls>(NO_GROUP_CALLS)
  const phase = computed(() => calls.value.phase)
  const rings = computed(() => calls.value.rings)
  const call = computed(() => (inHand(phase.value) ? callOf(phase.value) : undefined))
  const busy = computed(() => inHand(phase.value))
  const scene = useGroupScene()
  const entry = useGroupEntry({ phase, feed, scene })
  const leave = () => feed({ type: 'leave' })
  const onMove = (id: Uuid, media: GroupMedia) => feed({ type: 'join', target: { callId: id }, media })
  const moving = useGroupMove({ people: scene.shown.people, onMove, leave })

  function feed(input: GroupInput): void {
    if (!account.me) return
    const [after, effects] = next(calls.value, input, { me: account.me.id, now: serverNow() })
    calls.value = after
    effects.forEach(perform)
  }

  function perform(effect: GroupEffect): void {
    switch (effect.do) {
      case 'ask':
        return void entry.ask(effect.target, effect.media)
      case 'enter':
        return void entry.enter(effect.ticket)
      case 'exit':
        return exit()
      case 'decline':
        return declineCall(effect.callId)
    }
  }

  function exit(): void {
    entry.exit()
    direct.moved()
    local.close()
    moving.value = undefined
    scene.clear()
    leaveGroupSeat()
  }

  for (const type of ['welcome', 'group_call', 'group_call_ringing'] as const) socket.on(type, frame => feed(frame))
  useSeat(() => (phase.value.kind === 'live' ? { callId: phase.value.call.id, fact: entry.pass()?.fact } : undefined))
  useNeighbour({ rings: () => rings.value.length, busy, onOtherCall: () => feed({ type: 'dismiss' }) })

  return {
    phase,
    rings,
    call,
    busy,
    moving,
    leave,
    ...scene.shown,
    ...useJoining({ busy, call, feed, people: scene.shown.people, present: entry.present }),
    ...useModeration(() => call.value?.id),
    conversationId: useConversationId(phase),
    /** Whether this is the call to show: one that is still moving is shown as it was. */
    shown: computed(() => phase.value.kind !== 'idle' && !moving.value),
    dismiss: () => feed({ type: 'dismiss' }),
    decline: (callId: Uuid) => feed({ type: 'decline', callId }),
    known: (callId: Uuid) => (callOf(phase.value)?.id === callId ? callOf(phase.value) : live.byId(callId)),
  }
})

interface Joining {
  busy: ComputedRef<boolean>
  call: ComputedRef<{ id: Uuid } | undefined>
  feed: (input: GroupInput) => void
  people: ReturnType<typeof useGroupScene>['shown']['people']
  present: ReturnType<typeof useGroupEntry>['present']
}

/** The ways into a call: by hand, or back to where the page was before it was loaded anew. */
function useJoining({ busy, call, feed, people, present }: Joining) {
  const account = useAccount()
  const direct = useDirectCall()
  const local = useLocal()

  function join(target: Target, media: GroupMedia, options: { muted?: boolean } = {}): void {
    if (busy.value && 'callId' in target && call.value?.id === target.callId) return
    direct.hangUp()
    direct.dismiss()
    feed({ type: 'join', target, media })
    local.open(media, options)
    people.value = alone(account.me!, media, options.muted)
  }

  function resume(callId: Uuid): boolean {
    const seat = groupSeat()
    if (busy.value || seat?.callId !== callId) return false
    present(seat)
    join({ callId }, seat.camera ? 'video' : 'voice', { muted: !seat.microphone })
    return true
  }

  return { join, resume }
}

/** Where the call belongs, if it is a conversation of mine: one may be a guest. */
function useConversationId(phase: ComputedRef<GroupPhase>): ComputedRef<Uuid | undefined> {
  const conversations = useConversations()
  return computed(() => {
    const target = 'target' in phase.value ? phase.value.target : undefined
    const wanted = target && 'conversationId' in target ? target.conversationId : undefined
    const id = callOf(phase.value)?.conversation_id ?? wanted
    return id && conversations.byId(id) && id
  })
}

/** Keeps what a page that is loaded anew needs to come back into a live call. */
function useSeat(live: () => { callId: Uuid; fact?: string } | undefined): void {
  const local = useLocal()
  watch(
    () => {
      const now = live()
      const on = local.media?.on
      return now && on && { ...now, camera: on.camera, microphone: on.microphone }
    },
    seat => seat && keepGroupSeat(seat),
  )
}

interface Neighbour {
  rings: () => number
  busy: ComputedRef<boolean>
  onOtherCall: () => void
}

/** What group calls and one-to-one calls owe each other. */
function useNeighbour({ rings, busy, onOtherCall }: Neighbour): void {
  const direct = useDirectCall()
  // Another call is no place for what became of this one.
  watch(
    () => direct.call?.id,
    id => id && onOtherCall(),
  )
  // Somebody of two who ring is enough to hear.
  watch(
    () => rings() > 0 && !direct.incoming.length && (busy.value || direct.call ? knock : ring),
    (sound, _, onCleanup) => sound && onCleanup(sound()),
  )
}
