import { describe, expect, it } from 'vitest'
import type { Body, Message } from '@/api'
import type { OutboxItem } from './outbox'
import { GROUP_WITHIN_MS, rowsOf, type Row } from './rows'

const NOON = new Date(2026, 10, 20, 12).getTime()
const DAY = 86_400_000

const message = (seq: number, sender: string, at: number, body: Body = { type: 'text', text: 'x' }): Message => ({
  id: `m${seq}`,
  conversation_id: 'c',
  seq,
  ver: seq,
  sender_id: sender,
  client_msg_id: `k${seq}`,
  at,
  body,
})
const item = (id: string, at: number): OutboxItem => ({
  clientMsgId: id,
  conversationId: 'c',
  at,
  content: { kind: 'text', text: 'x' },
})
const shape = (rows: Row[]) =>
  rows.map(r => ('first' in r ? `${r.kind}${r.first ? '^' : ''}${r.last ? '$' : ''}` : r.kind))

describe('grouping', () => {
  it('keeps one sender together within five minutes', () => {
    const rows = rowsOf([message(1, 'a', NOON), message(2, 'a', NOON + 1000), message(3, 'b', NOON + 2000)], [], {
      me: 'me',
    })
    expect(shape(rows)).toEqual(['day', 'message^', 'message$', 'message^$'])
  })

  it('shows nothing of what was withheld, not even its day', () => {
    const rows = rowsOf([message(1, 'a', NOON, { type: 'withheld' }), message(2, 'a', NOON + DAY)], [], { me: 'me' })
    expect(shape(rows)).toEqual(['day', 'message^$'])
  })

  it('parts at five minutes and at a system line', () => {
    const created: Body = { type: 'system', event: { kind: 'created', actor_id: 'a' } }
    const rows = rowsOf(
      [
        message(1, 'a', NOON),
        message(2, 'a', NOON + GROUP_WITHIN_MS),
        message(3, 'a', NOON + GROUP_WITHIN_MS, created),
        message(4, 'a', NOON + GROUP_WITHIN_MS),
      ],
      [],
      { me: 'me' },
    )
    expect(shape(rows)).toEqual(['day', 'message^$', 'message^$', 'line', 'message^$'])
  })

  it('joins what is on its way to what was sent', () => {
    expect(shape(rowsOf([message(1, 'me', NOON)], [item('x', NOON + 5)], { me: 'me' }))).toEqual([
      'day',
      'message^',
      'pending$',
    ])
  })
})

describe('dividers', () => {
  it('stand before each day', () => {
    const rows = rowsOf([message(1, 'a', NOON), message(2, 'a', NOON + DAY), message(3, 'b', NOON + DAY)], [], {
      me: 'me',
    })
    expect(shape(rows)).toEqual(['day', 'message^$', 'day', 'message^$', 'message^$'])
  })

  it('mark the first unread message of another, not my own', () => {
    const rows = rowsOf([message(1, 'a', NOON), message(2, 'me', NOON), message(3, 'a', NOON)], [], {
      me: 'me',
      unreadAfter: 1,
    })
    expect(shape(rows)).toEqual(['day', 'message^$', 'message^$', 'unread', 'message^$'])
  })

  it('do not mark the first loaded message while an older one may be the first unread', () => {
    const rows = rowsOf([message(8, 'a', NOON), message(9, 'a', NOON)], [], { me: 'me', unreadAfter: 3 })
    expect(shape(rows)).not.toContain('unread')
  })

  it('do not mark anything when all is read', () => {
    expect(shape(rowsOf([message(1, 'a', NOON)], [], { me: 'me', unreadAfter: 1 }))).toEqual(['day', 'message^$'])
  })
})

describe('a message on its way', () => {
  it('is not shown beside its sent self, and keeps its key', () => {
    const before = rowsOf([], [item('k1', NOON)], { me: 'me' })
    const after = rowsOf([message(1, 'me', NOON)], [item('k1', NOON)], { me: 'me' })
    expect(shape(after)).toEqual(['day', 'message^$'])
    expect(after[1]!.key).toBe(before[1]!.key)
  })

  it('is not mistaken for a message of somebody else with the same id', () => {
    expect(rowsOf([message(1, 'a', NOON)], [item('k1', NOON)], { me: 'me' })).toHaveLength(3)
  })
})
