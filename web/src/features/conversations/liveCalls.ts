import type { GroupCall, Uuid } from '@/api'

/** The group calls of my conversations that are going on, by their id. */
export type LiveCalls = ReadonlyMap<Uuid, GroupCall>

/** Takes in what a frame tells about one call; a call that is over is no longer there. */
export function withCall(calls: LiveCalls, call: GroupCall): LiveCalls {
  const after = new Map(calls)
  if (call.state === 'over') after.delete(call.id)
  else after.set(call.id, call)
  return after
}

/** What a new socket is told is all there is; a resumed one heard of the rest before. */
export function welcomed(calls: LiveCalls, told: readonly GroupCall[], recovered = false): LiveCalls {
  return told.reduce(withCall, recovered ? calls : new Map())
}

/** A conversation has one call at most; should a frame of its end be late, the younger one counts. */
export function callIn(calls: LiveCalls, conversationId: Uuid): GroupCall | undefined {
  return [...calls.values()]
    .filter(call => call.conversation_id === conversationId)
    .sort((a, b) => b.started_at - a.started_at)[0]
}
