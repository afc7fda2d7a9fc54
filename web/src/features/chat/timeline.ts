import type { Change, Message } from '@/api'

/**
 * The loaded window of a conversation's history. Frames, answers and acknowledgements may come in any order and
 * more than once; merging them is commutative and idempotent, and a missing change is always visible.
 */
export interface Timeline {
  /** By `seq`, ascending. */
  readonly messages: readonly Message[]
  /** Nothing older exists. */
  readonly start: boolean
  /** Nothing newer exists; where it does, what is said now comes with its page. */
  readonly end: boolean
  /** Every change up to this `ver` is in. */
  readonly ver: number
  /** Newer `ver`s that came before their predecessors. */
  readonly ahead: readonly number[]
}

export const EMPTY: Timeline = { messages: [], start: false, end: true, ver: 0, ahead: [] }

/** A page of a history, as the server answers it. */
export interface Page {
  messages: readonly Message[]
  start: boolean
  end: boolean
}

/** Begins with a page that was read when the conversation was at least at `ver`. */
export function opened({ messages, start, end }: Page, ver: number): Timeline {
  return { ...EMPTY, messages: merged([], messages), start, end, ver }
}

/** An older page in front. */
export function withOlder(timeline: Timeline, { messages, start }: Page): Timeline {
  return { ...timeline, messages: merged(timeline.messages, messages), start }
}

/** A newer page behind. Whatever was said while it was on its way, up to `lastSeq`, is still to come. */
export function withNewer(timeline: Timeline, { messages, end }: Page, lastSeq: number): Timeline {
  const all = merged(timeline.messages, messages)
  return { ...timeline, messages: all, end: end && (all.at(-1)?.seq ?? 0) >= lastSeq }
}

/** A message that is durable: heard, acknowledged, or part of a change. */
export function withMessage(timeline: Timeline, message: Message): Timeline {
  return counted(
    beyond(timeline, message.seq) ? timeline : { ...timeline, messages: merged(timeline.messages, [message]) },
    message.ver,
  )
}

/** Applies a change by its kind. What this client does not know still counts, so that no `ver` seems to be missing. */
export function withChange(timeline: Timeline, change: Change): Timeline {
  switch (change.kind) {
    case 'message':
      return counted(withMessage(timeline, change.message), change.ver)
    case 'recall':
      return counted(withRecall(timeline, change), change.ver)
    default:
      return counted(timeline, change.ver)
  }
}

function withRecall(timeline: Timeline, change: Extract<Change, { kind: 'recall' }>): Timeline {
  // A recalled message keeps the `ver` it was written with; here it counts with that of its recall.
  const recalled = { ...change.message, ver: change.ver }
  if (!covers(timeline, change.seq)) return timeline
  return { ...timeline, messages: merged(timeline.messages, [recalled]) }
}

/** The answer to "what changed since `timeline.ver`", complete up to `ver`. */
export function caughtUp(timeline: Timeline, changes: readonly Change[], ver: number): Timeline {
  const next = changes.reduce(withChange, timeline)
  return settled({ ...next, ver: Math.max(next.ver, ver) })
}

/** Whether a change is known to be missing. */
export function behind(timeline: Timeline): boolean {
  return timeline.ahead.length > 0
}

/** Ranges of `seq`, both ends included, that are missing inside the window or, if it has an end, after it. */
export function gaps(timeline: Timeline, lastSeq: number): [number, number][] {
  const found: [number, number][] = []
  let expected = timeline.messages[0]?.seq ?? lastSeq + 1
  for (const { seq } of timeline.messages) {
    if (seq > expected) found.push([expected, seq - 1])
    expected = seq + 1
  }
  if (timeline.end && expected <= lastSeq) found.push([expected, lastSeq])
  return found
}

/** Forgets all but the newest `keep` messages. */
export function trimmed(timeline: Timeline, keep: number): Timeline {
  if (timeline.messages.length <= keep) return timeline
  return { ...timeline, messages: timeline.messages.slice(-keep), start: false }
}

/** Whether a `seq` belongs into the window, be it there yet or not; what is older comes with its page. */
function covers(timeline: Timeline, seq: number): boolean {
  return !beyond(timeline, seq) && (timeline.start || seq >= (timeline.messages[0]?.seq ?? 0))
}

/** Whether a `seq` lies after a window that does not reach the newest message. */
function beyond({ end, messages }: Timeline, seq: number): boolean {
  return !end && seq > (messages.at(-1)?.seq ?? 0)
}

/** One message a `seq`: the one with the newest `ver`, and of equals the recalled one. */
function merged(known: readonly Message[], news: readonly Message[]): readonly Message[] {
  const bySeq = new Map(known.map(m => [m.seq, m]))
  for (const message of news) {
    const there = bySeq.get(message.seq)
    if (!there || there.ver < message.ver || (there.ver === message.ver && message.body.type === 'recalled'))
      bySeq.set(message.seq, message)
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}

function counted(timeline: Timeline, ver: number): Timeline {
  if (ver <= timeline.ver || timeline.ahead.includes(ver)) return timeline
  return settled({ ...timeline, ahead: [...timeline.ahead, ver] })
}

/** Moves `ver` over everything that has come without a hole. */
function settled(timeline: Timeline): Timeline {
  const ahead = timeline.ahead.filter(v => v > timeline.ver).sort((a, b) => a - b)
  let ver = timeline.ver
  while (ahead[0] === ver + 1) ver = ahead.shift()!
  return { ...timeline, ver, ahead }
}
