import type { CallState as WireCall, GroupCall, Outcome, ServerFrames, Uuid } from '@/api'
import type { Call, DirectPhase, Calls, Context, Effect, Input, Refusal } from './directCall'

/**
 * What a one-to-one call goes through on this device, decided without sockets, timers or media: `next` takes
 * the state and what happened, and returns the new state and what has to be done about it.
 *
 * Calls that ring here stand beside the one in hand, because somebody may call while we are talking.
 */

type Step = [Calls, Effect[]]

export function next(calls: Calls, input: Input, context: Context): Step {
  switch (input.type) {
    case 'start':
      return start(calls, input)
    case 'accept':
      return accept(calls, input.callId, context)
    case 'decline':
      return [without(calls, input.callId), [say('call_decline', input.callId)]]
    case 'hangup':
      return hangUp(calls, context)
    case 'restore':
      return restore(calls, input)
    case 'dismiss':
      return calls.phase.kind === 'ended' ? [{ ...calls, phase: { kind: 'idle' } }, []] : [calls, []]
    case 'refused':
      return refused(calls, input.callId, input.refusal)
    case 'not_resumed':
      return agreedOn(calls.phase, input.callId)
        ? finish(calls, input.over ? 'completed' : 'lost', context, [])
        : [calls, []]
    case 'media_up':
      return [mediaUp(calls), []]
    case 'media_down':
      return [mediaDown(calls), []]
    case 'media_lost':
      return mediaLost(calls, context)
    case 'moved':
      return calls.phase.kind === 'moving'
        ? [{ ...calls, phase: { kind: 'idle' } }, [{ do: 'hand_over' }]]
        : [calls, []]
    case 'call_moved':
      return move(calls, input.call)
    case 'welcome':
      return welcome(calls, input, context)
    case 'call_ringing':
      return [ringing(calls, input.call, context), []]
    case 'call_accepted':
      return accepted(calls, input.call, context)
    case 'call_signal':
      return [calls, isForUs(calls.phase, input) ? [{ do: 'signal', signal: input.signal }] : []]
    case 'call_resumed':
      return resumed(calls, input.call, context)
    case 'call_away':
      return [agreedOn(calls.phase, input.call_id) ? mediaDown(calls) : calls, []]
    case 'call_orphaned':
      return [calls, agreedOn(calls.phase, input.call_id) ? comeBack(current(calls.phase)) : []]
    case 'call_ended':
      return ended(calls, input.call_id, input.outcome, context)
  }
}

/** The call in hand, unless it is over or another kind of call by now. */
export function current(phase: DirectPhase): Call | undefined {
  return phase.kind === 'idle' || phase.kind === 'ended' || phase.kind === 'moving' ? undefined : phase.call
}

function start(calls: Calls, { callId, peer, media }: Extract<Input, { type: 'start' }>): Step {
  if (current(calls.phase)) return [calls, []]
  const theirs = calls.incoming.find(call => call.peer.id === peer.id)
  if (theirs) return take(calls, theirs, [])
  const call: Call = { id: callId, peer, media, role: 'caller', iceServers: [] }
  return [
    { ...calls, phase: { kind: 'outgoing', call, ringing: false } },
    [{ do: 'send', frame: { type: 'call_start', call_id: callId, user_id: peer.id, media } }],
  ]
}

/** Answering while in another call ends that one first: nobody talks in two calls at once. */
function accept(calls: Calls, callId: Uuid, context: Context): Step {
  const call = calls.incoming.find(call => call.id === callId)
  if (!call) return [calls, []]
  const [left, effects] = current(calls.phase) ? hangUp(calls, context) : [calls, []]
  return take(left, call, effects)
}

function take(calls: Calls, call: Call, before: Effect[]): Step {
  const phase: DirectPhase = { kind: 'connecting', call }
  return [{ ...without(calls, call.id), phase }, [...before, say('call_accept', call.id)]]
}

function hangUp(calls: Calls, context: Context): Step {
  const call = current(calls.phase)
  if (!call) return [calls, []]
  const outcome = agreedAt(calls.phase) === undefined ? 'cancelled' : 'completed'
  return finish(calls, outcome, context, [farewell(call)])
}

function mediaLost(calls: Calls, context: Context): Step {
  const { phase } = calls
  if (phase.kind !== 'connecting' && phase.kind !== 'reconnecting') return [calls, []]
  return finish(calls, 'lost', context, [farewell(phase.call)])
}

/** Its connection went with the former page; the server is asked for a new one. */
function restore(calls: Calls, { call, agreedAt }: Extract<Input, { type: 'restore' }>): Step {
  if (calls.phase.kind !== 'idle') return [calls, []]
  const again: Call = { ...call, connection: undefined }
  return [{ ...calls, phase: { kind: 'reconnecting', call: again, agreedAt } }, comeBack(again)]
}

/** Both are there again. A connection of another number than ours is one that both sides make anew. */
function resumed(calls: Calls, wire: WireCall, context: Context): Step {
  const call = current(calls.phase)
  const since = agreedAt(calls.phase)
  if (call?.id !== wire.id || since === undefined) return [calls, []]
  const now = seen(wire, context)
  if (call.connection !== undefined && call.connection === now.connection) {
    return [{ ...calls, phase: { ...calls.phase, call: now } as DirectPhase }, [{ do: 'repair' }]]
  }
  const kind = calls.phase.kind === 'connecting' ? 'connecting' : 'reconnecting'
  return [{ ...calls, phase: { kind, call: now, agreedAt: since } }, [{ do: 'open', call: now }]]
}

function comeBack(call: Call | undefined): Effect[] {
  if (!call?.fact) return []
  const { id, fact, connection } = call
  return [{ do: 'send', frame: { type: 'call_resume', call_id: id, fact, connection } }]
}

/** The socket that carries the call goes with it; the other devices of the two see it like any group call. */
function move(calls: Calls, group: GroupCall): Step {
  const call = current(calls.phase)
  const since = agreedAt(calls.phase)
  if (call?.id !== group.id || since === undefined) return [calls, []]
  return [{ ...calls, phase: { kind: 'moving', call, agreedAt: since } }, [{ do: 'move', call: group }]]
}

function refused(calls: Calls, callId: Uuid, refusal: Refusal): Step {
  const call = current(calls.phase)
  if (call?.id !== callId || agreedAt(calls.phase) !== undefined) return [calls, []]
  return [{ ...calls, phase: { kind: 'ended', call, outcome: 'refused', refusal } }, [{ do: 'close' }]]
}

function mediaUp(calls: Calls): Calls {
  const { phase } = calls
  if (phase.kind !== 'connecting' && phase.kind !== 'reconnecting') return calls
  return phase.agreedAt === undefined
    ? calls
    : { ...calls, phase: { kind: 'live', call: phase.call, agreedAt: phase.agreedAt } }
}

function mediaDown(calls: Calls): Calls {
  const { phase } = calls
  return phase.kind === 'live' ? { ...calls, phase: { ...phase, kind: 'reconnecting' } } : calls
}

function ringing(calls: Calls, wire: WireCall, context: Context): Calls {
  const { phase } = calls
  if (phase.kind === 'outgoing' && phase.call.id === wire.id) {
    return { ...calls, phase: { kind: 'outgoing', call: seen(wire, context), ringing: true } }
  }
  const known = current(phase)?.id === wire.id || calls.incoming.some(call => call.id === wire.id)
  if (known || wire.callee.id !== context.me) return calls
  return { ...calls, incoming: [...calls.incoming, seen(wire, context)] }
}

function accepted(calls: Calls, wire: WireCall, context: Context): Step {
  const { phase } = calls
  const rest = without(calls, wire.id)
  if (!wire.mine) return answeredElsewhere(rest, wire.id)
  if (agreedOn(phase, wire.id)) return [rest, []]
  const ours = current(phase)?.id === wire.id
  if (!ours && !isGlare(phase, wire)) return [rest, []]
  const call = seen(wire, context)
  return [{ ...rest, phase: { kind: 'connecting', call, agreedAt: context.now } }, [{ do: 'open', call }]]
}

function answeredElsewhere(calls: Calls, callId: Uuid): Step {
  if (current(calls.phase)?.id !== callId) return [calls, []]
  return [{ ...calls, phase: { kind: 'idle' } }, [{ do: 'close' }]]
}

function ended(calls: Calls, callId: Uuid, outcome: Outcome, context: Context): Step {
  const rest = without(calls, callId)
  return current(calls.phase)?.id === callId ? finish(rest, outcome, context, []) : [rest, []]
}

/**
 * A recovered socket replays what was missed, so little is concluded from its list. A new one knows only the
 * list: what is not in it, or no longer ours, is over, unless it can be resumed or rung anew.
 */
function welcome(calls: Calls, frame: ServerFrames['welcome'], context: Context): Step {
  const [left, effects] = frame.recovered ? recovered(calls, frame.calls) : renewed(calls, frame, context)
  const call = current(left.phase)
  // Hung up while the socket was away: the server has not heard of it.
  const stray = frame.calls.filter(wire => wire.mine && wire.id !== call?.id && !isGlare(left.phase, wire))
  return [left, [...stray.map(wire => say('call_hangup', wire.id)), ...effects]]
}

function recovered(calls: Calls, wires: WireCall[]): Step {
  const call = current(calls.phase)
  return [calls, wires.some(wire => wire.mine && wire.id === call?.id) ? [{ do: 'repair' }] : []]
}

function renewed(calls: Calls, { calls: wires, group_calls }: ServerFrames['welcome'], context: Context): Step {
  const call = current(calls.phase)
  const moved = group_calls.find(group => group.id === call?.id)
  const wire = wires.find(one => one.id === call?.id)
  const incoming = wires
    .filter(one => one.state === 'ringing' && one.callee.id === context.me && one.id !== call?.id)
    .map(one => seen(one, context))
  const rest: Calls = { ...calls, incoming }
  if (!call) return [rest, []]
  if (moved) return move(rest, moved)
  if (!wire?.mine && agreedAt(calls.phase) !== undefined && call.fact) return [rest, comeBack(call)]
  if (!wire && calls.phase.kind === 'outgoing') return ringAgain(rest, calls.phase.call)
  if (!wire?.mine) return finish(rest, 'lost', context, wire ? [say('call_hangup', call.id)] : [])
  if (wire.state === 'ringing') return [ringing(rest, wire, context), []]
  const [taken, effects] = accepted(rest, wire, context)
  return [taken, effects.length ? effects : [{ do: 'repair' }]]
}

/** The server has forgotten that we call: the same call rings anew. */
function ringAgain(calls: Calls, call: Call): Step {
  const frame = { type: 'call_start', call_id: call.id, user_id: call.peer.id, media: call.media } as const
  return [{ ...calls, phase: { kind: 'outgoing', call, ringing: false } }, [{ do: 'send', frame }]]
}

/** We called while they called us, and the server made ours the answer to theirs. */
function isGlare(phase: DirectPhase, wire: WireCall): boolean {
  return phase.kind === 'outgoing' && wire.caller.id === phase.call.peer.id
}

function finish(calls: Calls, outcome: Outcome, context: Context, effects: Effect[]): Step {
  const call = current(calls.phase)
  if (!call) return [calls, effects]
  const since = agreedAt(calls.phase)
  const durationMs = since === undefined ? undefined : Math.max(0, context.now - since)
  return [{ ...calls, phase: { kind: 'ended', call, outcome, durationMs } }, [...effects, { do: 'close' }]]
}

function without(calls: Calls, callId: Uuid): Calls {
  return { ...calls, incoming: calls.incoming.filter(call => call.id !== callId) }
}

function agreedAt(phase: DirectPhase): number | undefined {
  return 'agreedAt' in phase ? phase.agreedAt : undefined
}

function agreedOn(phase: DirectPhase, callId: Uuid): boolean {
  return current(phase)?.id === callId && agreedAt(phase) !== undefined
}

/** A signal about a connection that one side no longer has is of no use. */
function isForUs(phase: DirectPhase, { call_id, connection }: ServerFrames['call_signal']): boolean {
  return agreedOn(phase, call_id) && (connection === undefined || connection === current(phase)?.connection)
}

function seen(wire: WireCall, context: Context): Call {
  const role = wire.caller.id === context.me ? 'caller' : 'callee'
  return {
    id: wire.id,
    peer: role === 'caller' ? wire.callee : wire.caller,
    media: wire.media,
    role,
    conversationId: wire.conversation_id,
    iceServers: wire.ice_servers,
    connection: wire.connection,
    fact: wire.fact,
  }
}

function farewell(call: Call): Effect {
  return { do: 'send', frame: { type: 'call_hangup', call_id: call.id }, fact: call.fact }
}

function say(type: 'call_accept' | 'call_decline' | 'call_hangup', callId: Uuid): Effect {
  return { do: 'send', frame: { type, call_id: callId } }
}
