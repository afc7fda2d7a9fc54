import type { CallTicket, GroupCall, GroupMedia, Media, Profile, ServerFrames, Uuid } from '@/api'
import type { Refusal } from '../direct/directCall'

/**
 * What a group call goes through on this device, decided without sockets, timers or media: `next` takes the
 * state and what happened, and returns the new state and what has to be done about it.
 */

/** Which call is wanted: that of a conversation, started if there is none, or one that is known. */
export type Target = { readonly conversationId: Uuid } | { readonly callId: Uuid }

export type GroupPhase =
  | { readonly kind: 'idle' }
  /** On the way in: the server is asked, then the room is entered; `call` once it is known. */
  | {
      readonly kind: 'joining'
      readonly target: Target
      readonly call?: GroupCall
      /** Was inside before. */ readonly since?: number
    }
  | { readonly kind: 'live'; readonly call: GroupCall; readonly since: number }
  /** Media was there and is gone; it may come back. */
  | { readonly kind: 'reconnecting'; readonly call: GroupCall; readonly since: number }
  | {
      readonly kind: 'left'
      readonly target: Target
      readonly call?: GroupCall
      readonly reason: LeftReason
      readonly refusal?: Refusal
    }

/** Why one is no longer in a call; leaving by oneself needs no explanation. */
type LeftReason = 'over' | 'removed' | 'full' | 'elsewhere' | 'lost' | 'refused'

/** What the room says when it closes. */
export type CloseReason = Extract<LeftReason, 'over' | 'removed' | 'elsewhere' | 'lost'>

/** Somebody wants me in a call. */
export interface Ring {
  readonly call: GroupCall
  readonly by: Profile
}

export interface GroupCalls {
  readonly phase: GroupPhase
  /** Longest first. */
  readonly rings: readonly Ring[]
}

export const NO_GROUP_CALLS: GroupCalls = { phase: { kind: 'idle' }, rings: [] }

type Frame = 'welcome' | 'group_call' | 'group_call_ringing'

export type GroupInput =
  | { [T in Frame]: { type: T } & ServerFrames[T] }[Frame]
  | { type: 'join'; target: Target; media: GroupMedia }
  | { type: 'ticket'; ticket: CallTicket }
  | { type: 'refused'; refusal: Refusal }
  | { type: 'entered' }
  | { type: 'reconnecting' }
  | { type: 'closed'; reason: CloseReason }
  | { type: 'leave' }
  /** The last screen was closed. */
  | { type: 'dismiss' }
  | { type: 'decline'; callId: Uuid }

export type GroupEffect =
  | { do: 'ask'; target: Target; media: GroupMedia }
  | { do: 'enter'; ticket: CallTicket }
  | { do: 'exit' }
  | { do: 'decline'; callId: Uuid }

interface GroupContext {
  readonly me: Uuid
  readonly now: number
}

type Step = [GroupCalls, GroupEffect[]]

export function next(calls: GroupCalls, input: GroupInput, context: GroupContext): Step {
  switch (input.type) {
    case 'join':
      return join(calls, input.target, input.media)
    case 'ticket':
      return ticket(calls, input.ticket)
    case 'refused':
      return refused(calls, input.refusal)
    case 'entered':
      return [entered(calls, context), []]
    case 'reconnecting':
      return [reconnecting(calls), []]
    case 'closed':
      return closed(calls, input.reason)
    case 'leave':
      return inHand(calls.phase) ? [{ ...calls, phase: { kind: 'idle' } }, [{ do: 'exit' }]] : [calls, []]
    case 'dismiss':
      return calls.phase.kind === 'left' ? [{ ...calls, phase: { kind: 'idle' } }, []] : [calls, []]
    case 'decline':
      return [withoutRing(calls, input.callId), [{ do: 'decline', callId: input.callId }]]
    case 'welcome':
      return input.recovered ? [calls, []] : welcome(calls, input.group_calls, context)
    case 'group_call':
      return told(calls, input.call, context)
    case 'group_call_ringing':
      return [ringing(calls, input), []]
  }
}

/** Whether this device is in a call or on its way into one. */
export function inHand(phase: GroupPhase): boolean {
  return phase.kind !== 'idle' && phase.kind !== 'left'
}

/** The call that is in hand, or was until now. */
export function callOf(phase: GroupPhase): GroupCall | undefined {
  return phase.kind === 'idle' ? undefined : phase.call
}

/** Nobody is in two calls at once: joining another leaves the first. */
function join(calls: GroupCalls, target: Target, media: GroupMedia): Step {
  if (inHand(calls.phase) && isAt(calls.phase, target)) return [calls, []]
  const rest = 'callId' in target ? withoutRing(calls, target.callId) : calls
  const before: GroupEffect[] = inHand(calls.phase) ? [{ do: 'exit' }] : []
  return [{ ...rest, phase: { kind: 'joining', target } }, [...before, { do: 'ask', target, media }]]
}

function isAt(phase: GroupPhase, target: Target): boolean {
  const call = callOf(phase)
  if ('callId' in target)
    return (
      call?.id === target.callId ||
      (phase.kind === 'joining' && 'callId' in phase.target && phase.target.callId === target.callId)
    )
  return (
    call?.conversation_id === target.conversationId ||
    (phase.kind === 'joining' &&
      'conversationId' in phase.target &&
      phase.target.conversationId === target.conversationId)
  )
}

function ticket(calls: GroupCalls, found: CallTicket): Step {
  const { phase } = calls
  if (phase.kind !== 'joining') return [calls, []]
  return [
    { ...withoutRing(calls, found.call.id), phase: { ...phase, call: found.call } },
    [{ do: 'enter', ticket: found }],
  ]
}

function refused(calls: GroupCalls, refusal: Refusal): Step {
  const { phase } = calls
  if (phase.kind !== 'joining') return [calls, []]
  return leaveFor(calls, reasonOf(refusal.code, phase.since !== undefined), refusal)
}

function reasonOf(code: string, wasInside: boolean): LeftReason {
  if (code === 'call_full') return 'full'
  if (code === 'call_over' || (code === 'not_found' && wasInside)) return 'over'
  return wasInside ? 'lost' : 'refused'
}

function entered(calls: GroupCalls, context: GroupContext): GroupCalls {
  const { phase } = calls
  if (phase.kind !== 'joining' && phase.kind !== 'reconnecting') return calls
  return phase.call ? { ...calls, phase: { kind: 'live', call: phase.call, since: phase.since ?? context.now } } : calls
}

function reconnecting(calls: GroupCalls): GroupCalls {
  return calls.phase.kind === 'live' ? { ...calls, phase: { ...calls.phase, kind: 'reconnecting' } } : calls
}

/** A room that gave up is asked for anew, once: its token may have grown old, or its node have gone. */
function closed(calls: GroupCalls, reason: CloseReason): Step {
  const { phase } = calls
  if (phase.kind !== 'joining' && phase.kind !== 'live' && phase.kind !== 'reconnecting') return [calls, []]
  return reason === 'lost' ? comeBack(calls, 'lost') : leaveFor(calls, reason)
}

/** Asks for the room anew, once; whoever has asked already goes on to wait, or is out of luck when it is the room that closed. */
function comeBack(calls: GroupCalls, otherwise?: LeftReason): Step {
  const { phase } = calls
  if (phase.kind !== 'live' && phase.kind !== 'reconnecting')
    return otherwise ? leaveFor(calls, otherwise) : [calls, []]
  const target: Target = { callId: phase.call.id }
  return [
    { ...calls, phase: { kind: 'joining', target, call: phase.call, since: phase.since } },
    [{ do: 'ask', target, media: phase.call.media }],
  ]
}

function leaveFor(calls: GroupCalls, reason: LeftReason, refusal?: Refusal): Step {
  const { phase } = calls
  if (phase.kind === 'idle' || phase.kind === 'left') return [calls, []]
  const target: Target = phase.kind === 'joining' ? phase.target : { callId: phase.call.id }
  return [
    { ...calls, phase: { kind: 'left', target, call: phase.call, reason, ...(refusal && { refusal }) } },
    [{ do: 'exit' }],
  ]
}

function told(calls: GroupCalls, call: GroupCall, context: GroupContext): Step {
  const rung = { ...calls, rings: stillRinging(calls.rings, call, context) }
  if (callOf(calls.phase)?.id !== call.id || !inHand(calls.phase)) return [rung, []]
  if (call.lost) return comeBack(rung)
  if (call.state === 'over') return leaveFor(rung, 'over')
  return [{ ...rung, phase: { ...calls.phase, call } as GroupPhase }, []]
}

function stillRinging(rings: readonly Ring[], call: GroupCall, { me }: GroupContext): readonly Ring[] {
  const wanted = call.state === 'active' && call.invited.some(one => one.id === me)
  return rings.flatMap(ring => (ring.call.id !== call.id ? [ring] : wanted ? [{ ...ring, call }] : []))
}

function ringing(calls: GroupCalls, { call, by }: ServerFrames['group_call_ringing']): GroupCalls {
  const known =
    calls.rings.some(ring => ring.call.id === call.id) || (inHand(calls.phase) && callOf(calls.phase)?.id === call.id)
  return known ? calls : { ...calls, rings: [...calls.rings, { call, by }] }
}

/**
 * A new socket is told every call there is; who rang is told only once, so it is whoever started the call. A call in hand
 * that is not among them is over, or was forgotten by a server that restarted: the answer to a new question tells.
 */
function welcome(calls: GroupCalls, told: readonly GroupCall[], { me }: GroupContext): Step {
  const rings = told
    .filter(call => call.invited.some(one => one.id === me))
    .flatMap(call => {
      const by =
        calls.rings.find(ring => ring.call.id === call.id)?.by ??
        call.participants.find(one => one.id === call.started_by) ??
        call.participants[0]
      return by ? [{ call, by }] : []
    })
  if (!inHand(calls.phase)) return [{ ...calls, rings }, []]
  const news = told.find(call => call.id === callOf(calls.phase)?.id)
  if (news) return [{ rings, phase: { ...calls.phase, call: news } as GroupPhase }, []]
  // A room that carries on is right, whatever this server has heard of it.
  return calls.phase.kind === 'reconnecting' ? comeBack({ ...calls, rings }) : [{ ...calls, rings }, []]
}

function withoutRing(calls: GroupCalls, callId: Uuid): GroupCalls {
  return { ...calls, rings: calls.rings.filter(ring => ring.call.id !== callId) }
}

/** A shared screen needs no camera. */
export function groupMedia(media: Media): GroupMedia {
  return media === 'video' ? 'video' : 'voice'
}
