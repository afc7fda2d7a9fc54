import type { GroupCall, Media, Outcome, Profile, RequestFrame, ServerFrames, Signal, Uuid } from '@/api'

/** The words of the machine of one-to-one calls: what a call is, what happens to it, and what follows. */

/** A call as seen from this side. */
export interface Call {
  readonly id: Uuid
  readonly peer: Profile
  readonly media: Media
  /** The caller makes the first offer; the callee gives way when both offer at once. */
  readonly role: 'caller' | 'callee'
  readonly conversationId?: Uuid
  readonly iceServers: readonly RTCIceServer[]
  /** Which media connection this page has for it; none after the page was loaded anew. */
  readonly connection?: number
  /** The server's signature under an answered call: whoever shows it is let back in, even by a server that has forgotten. */
  readonly fact?: string
}

export type DirectPhase =
  | { readonly kind: 'idle' }
  /** We are calling; `ringing` once the server has rung the other side. */
  | { readonly kind: 'outgoing'; readonly call: Call; readonly ringing: boolean }
  /** Both want the call; `agreedAt` once the server has said so, then media is being set up. */
  | { readonly kind: 'connecting'; readonly call: Call; readonly agreedAt?: number }
  | { readonly kind: 'live'; readonly call: Call; readonly agreedAt: number }
  /** Media was there and is gone; it may come back. */
  | { readonly kind: 'reconnecting'; readonly call: Call; readonly agreedAt: number }
  /** It became a group call: the room is being entered while the two still hear each other directly. */
  | { readonly kind: 'moving'; readonly call: Call; readonly agreedAt: number }
  | {
      readonly kind: 'ended'
      readonly call: Call
      readonly outcome: Outcome | 'refused'
      readonly durationMs?: number
      readonly refusal?: Refusal
    }

export interface Refusal {
  readonly code: string
  readonly message: string
}

export interface Calls {
  readonly phase: DirectPhase
  /** Who rings this device, longest first. */
  readonly incoming: readonly Call[]
}

export const NO_CALLS: Calls = { phase: { kind: 'idle' }, incoming: [] }

type CallFrame =
  | 'welcome'
  | 'call_ringing'
  | 'call_accepted'
  | 'call_signal'
  | 'call_resumed'
  | 'call_away'
  | 'call_orphaned'
  | 'call_ended'
  | 'call_moved'

export type Input =
  | { [T in CallFrame]: { type: T } & ServerFrames[T] }[CallFrame]
  | { type: 'start'; callId: Uuid; peer: Profile; media: Media }
  | { type: 'accept'; callId: Uuid }
  | { type: 'decline'; callId: Uuid }
  | { type: 'hangup' }
  /** The page was loaded anew in the middle of this call. */
  | { type: 'restore'; call: Call; agreedAt: number }
  /** The end screen was closed. */
  | { type: 'dismiss' }
  /** The server refused our `call_start` or `call_accept`, or did not hear it. */
  | { type: 'refused'; callId: Uuid; refusal: Refusal }
  /** The server will not let us back in; `over` when the other side has hung up meanwhile. */
  | { type: 'not_resumed'; callId: Uuid; over: boolean }
  | { type: 'media_up' }
  | { type: 'media_down' }
  /** Media has been away for longer than anybody waits. */
  | { type: 'media_lost' }
  /** The room carries the call now, or somebody left it. */
  | { type: 'moved' }

export type Effect =
  /** `fact` lets a server that has forgotten the call end it properly. */
  | {
      do: 'send'
      frame: Extract<
        RequestFrame,
        { type: 'call_start' | 'call_accept' | 'call_decline' | 'call_hangup' | 'call_resume' }
      >
      fact?: string
    }
  /** A new media connection, in the place of the one there was. */
  | { do: 'open'; call: Call }
  | { do: 'signal'; signal: Signal }
  /** The socket is back and the call is still ours: what went wrong meanwhile can be repaired. */
  | { do: 'repair' }
  | { do: 'close' }
  /** The call goes on as a group call, with the tracks it has. */
  | { do: 'move'; call: GroupCall }
  /** Only the direct connection ends; the tracks belong to the group call. */
  | { do: 'hand_over' }

export interface Context {
  readonly me: Uuid
  readonly now: number
}
