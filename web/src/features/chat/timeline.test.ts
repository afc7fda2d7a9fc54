import { describe, expect, it } from 'vitest'
import type { Change, Message } from '@/api'
import {
  behind,
  caughtUp,
  EMPTY,
  gaps,
  opened,
  trimmed,
  withChange,
  withMessage,
  withNewer,
  withOlder,
  type Timeline,
} from './timeline'

const message = (seq: number, ver = seq, over: Partial<Message> = {}): Message => ({
  id: `m${seq}`,
  conversation_id: 'c',
  seq,
  ver,
  sender_id: 'a',
  client_msg_id: `k${seq}`,
  at: seq,
  body: { type: 'text', text: `text ${seq}` },
  ...over,
})
/** A change of a kind that is about a message. */
type Told = Extract<Change, { message: Message }>
const said = (seq: number, ver = seq): Told => ({ kind: 'message', ver, at: 0, message: message(seq, ver) })
const recalled = (seq: number, ver: number): Told => ({
  kind: 'recall',
  ver,
  at: 0,
  seq,
  message: message(seq, 1, { body: { type: 'recalled' } }),
})
const seqs = (timeline: Timeline) => timeline.messages.map(m => m.seq)
/** The whole of a conversation that has just begun. */
const NEW = opened({ messages: [], start: true, end: true }, 0)
const page = (messages: Message[], start = false, end = true) => ({ messages, start, end })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('messages', () => {
  it('stand by seq whatever the order they come in', () => {
    const timeline = [3, 1, 2].reduce((t, seq) => withMessage(t, message(seq)), EMPTY)
    expect(seqs(timeline)).toEqual([1, 2, 3])
    expect(timeline.ver).toBe(3)
    expect(behind(timeline)).toBe(false)
  })

  it('come once however often they are told', () => {
    const once = withMessage(EMPTY, message(1))
    expect(withMessage(once, message(1))).toEqual(once)
  })

  it('after a hole leave the timeline behind, and filling the hole heals it', () => {
    const ahead = withMessage(opened(page([message(1)], true), 1), message(3))
    expect(behind(ahead)).toBe(true)
    expect(gaps(ahead, 3)).toEqual([[2, 2]])
    const healed = withMessage(ahead, message(2))
    expect(behind(healed)).toBe(false)
    expect(healed.ver).toBe(3)
    expect(gaps(healed, 3)).toEqual([])
  })

  it('older than the window come in front', () => {
    const timeline = withOlder(
      opened(page(range(41, 60).map(s => message(s))), 60),
      page(
        range(1, 40).map(s => message(s)),
        true,
      ),
    )
    expect(seqs(timeline)).toEqual(range(1, 60))
    expect(timeline.start).toBe(true)
    expect(timeline.ver).toBe(60)
  })
})

describe('a change of a kind that this client does not know', () => {
  it('counts, and changes nothing', () => {
    const before = opened(page([message(1)], true), 1)
    const timeline = withChange(before, { kind: 'unknown', ver: 2, at: 0 })
    expect(timeline.ver).toBe(2)
    expect(timeline.messages).toEqual(before.messages)
  })
})

describe('recall', () => {
  it('puts the tombstone where the message was', () => {
    const timeline = withChange(opened(page([message(1), message(2)], true), 2), recalled(1, 3))
    expect(timeline.messages[0]?.body.type).toBe('recalled')
    expect(timeline.ver).toBe(3)
  })

  it('is also seen in a page that was read after it', () => {
    const tombstone = message(1, 1, { body: { type: 'recalled' } })
    expect(withOlder(withMessage(EMPTY, message(1)), page([tombstone], true)).messages[0]?.body.type).toBe('recalled')
  })

  it('of a message outside the window is counted but opens no hole', () => {
    const timeline = withChange(opened(page(range(50, 60).map(s => message(s))), 60), recalled(2, 61))
    expect(seqs(timeline)[0]).toBe(50)
    expect(timeline.ver).toBe(61)
  })

  it('is not undone by the message coming late or again', () => {
    const timeline = withMessage(withChange(opened(page([message(1)], true), 1), recalled(1, 2)), message(1))
    expect(timeline.messages[0]?.body.type).toBe('recalled')
  })
})

describe('a window that does not reach the newest message', () => {
  const window = opened(
    page(
      range(101, 200).map(s => message(s)),
      false,
      false,
    ),
    500,
  )

  it('leaves what is said now to the page it belongs to, without a hole', () => {
    const later = withChange(withMessage(window, message(501)), recalled(300, 502))
    expect(seqs(later)).toEqual(range(101, 200))
    expect(later.ver).toBe(502)
    expect(behind(later)).toBe(false)
    expect(gaps(later, 501)).toEqual([])
  })

  it('shows what happens inside it', () => {
    expect(withChange(window, recalled(150, 501)).messages[49]?.body.type).toBe('recalled')
  })

  it('grows by newer pages until it is whole', () => {
    const longer = withNewer(
      window,
      page(
        range(201, 300).map(s => message(s)),
        false,
        false,
      ),
      301,
    )
    expect(longer.end).toBe(false)
    const whole = withNewer(longer, page([message(301)]), 301)
    expect([whole.end, seqs(whole).at(-1)]).toEqual([true, 301])
    expect(seqs(withMessage(whole, message(302))).at(-1)).toBe(302)
  })

  it('is not whole if something was said while the last page was on its way', () => {
    expect(withNewer(window, page([message(201)]), 202).end).toBe(false)
  })
})

describe('catching up', () => {
  it('believes the answer about where it ends', () => {
    const timeline = caughtUp(opened(page([message(1)], true), 1), [said(2), recalled(1, 3)], 3)
    expect(seqs(timeline)).toEqual([1, 2])
    expect(timeline.ver).toBe(3)
  })

  it('keeps what was heard meanwhile', () => {
    const heard = withMessage(opened(page([message(1)], true), 1), message(4))
    const timeline = caughtUp(heard, [said(2), said(3)], 3)
    expect(seqs(timeline)).toEqual([1, 2, 3, 4])
    expect(timeline.ver).toBe(4)
    expect(behind(timeline)).toBe(false)
  })
})

describe('gaps', () => {
  it('are seen inside and at the end', () => {
    expect(gaps(opened(page([2, 3, 6, 9].map(s => message(s))), 9), 11)).toEqual([
      [4, 5],
      [7, 8],
      [10, 11],
    ])
  })
  it('are none in a window that holds nothing of an empty conversation', () => expect(gaps(EMPTY, 0)).toEqual([]))
})

it('trimming keeps the newest and knows that older ones exist', () => {
  const timeline = trimmed(
    opened(
      page(
        range(1, 100).map(s => message(s)),
        true,
      ),
      100,
    ),
    30,
  )
  expect(seqs(timeline)).toEqual(range(71, 100))
  expect(timeline.start).toBe(false)
})

describe('in any order, with repetitions', () => {
  // A seeded generator, so that a failure names the seed that shows it again.
  const random = (seed: number) => () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32

  /** A history of messages and recalls with dense seq and ver. */
  function history(next: () => number): Told[] {
    const changes: Told[] = []
    let seq = 0
    for (let ver = 1; ver <= 40; ver++) {
      if (seq > 0 && next() < 0.25) changes.push(recalled(1 + Math.floor(next() * seq), ver))
      else changes.push(said(++seq, ver))
    }
    return changes
  }

  function shuffled<T>(items: T[], next: () => number): T[] {
    return items
      .map(item => [next(), item] as const)
      .sort((a, b) => a[0] - b[0])
      .map(pair => pair[1])
  }

  it.each(range(1, 200))('seed %i comes to the same timeline', seed => {
    const next = random(seed)
    const changes = history(next)
    const straight = changes.reduce(withChange, NEW)
    const doubled = shuffled([...changes, ...changes.filter(() => next() < 0.3)], next)

    const disordered = doubled.reduce(withChange, NEW)
    expect(disordered.ver).toBe(40)
    expect(behind(disordered)).toBe(false)

    expect(disordered).toEqual(straight)
    expect(gaps(straight, straight.messages.length)).toEqual([])
  })

  it.each(range(1, 100))('seed %i loses nothing when frames are lost and the rest is pulled', seed => {
    const next = random(seed)
    const changes = history(next)
    const heard = shuffled(
      changes.filter(() => next() < 0.5),
      next,
    ).reduce(withChange, NEW)
    const healed = caughtUp(
      heard,
      changes.filter(c => c.ver > heard.ver),
      40,
    )
    expect(healed.ver).toBe(40)
    expect(seqs(healed)).toEqual(seqs(changes.reduce(withChange, NEW)))
    for (const m of healed.messages) {
      const last = changes.filter(c => c.message.seq === m.seq).at(-1)!
      expect(m.body.type).toBe(last.message.body.type)
    }
  })
})
