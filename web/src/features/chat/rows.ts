import type { Message, Millis, Uuid } from '@/api'
import { isHidden, lineOf } from '@/features/content'
import { startOfDay } from '@/shared/time'
import type { OutboxItem } from './outbox'

/** What the list shows, line by line: messages with their dividers, then what is on its way. */
export type Row =
  | { kind: 'day'; key: string; at: Millis }
  | { kind: 'unread'; key: string }
  | { kind: 'line'; key: string; message: Message }
  | ({ kind: 'message'; key: string; message: Message; own: boolean } & Place)
  | ({ kind: 'pending'; key: string; item: OutboxItem } & Place)

/** Where a bubble stands in its sender's group. */
interface Place {
  first: boolean
  last: boolean
}

/** Bubbles of one sender stay together while less than this lies between two. */
export const GROUP_WITHIN_MS = 5 * 60_000

interface RowOptions {
  me: Uuid
  /** The divider stands before the first message of others after this `seq`, once that is known to be the first. */
  unreadAfter?: number
}

export function rowsOf(messages: readonly Message[], pending: readonly OutboxItem[], options: RowOptions): Row[] {
  const rows: Row[] = []
  let day: Millis | undefined
  let divided = options.unreadAfter === undefined || (messages[0]?.seq ?? 0) > options.unreadAfter + 1

  const dayRow = (at: Millis) => {
    const start = startOfDay(at)
    if (start === day) return
    day = start
    rows.push({ kind: 'day', key: `day:${start}`, at })
  }

  for (const message of messages) {
    if (isHidden(message.body)) continue
    dayRow(message.at)
    const own = message.sender_id === options.me
    if (!divided && !own && message.seq > options.unreadAfter!) {
      divided = true
      rows.push({ kind: 'unread', key: 'unread' })
    }
    rows.push(
      lineOf(message.body)
        ? { kind: 'line', key: `line:${message.seq}`, message }
        : {
            kind: 'message',
            key: keyOf(message.sender_id, message.client_msg_id),
            message,
            own,
            first: true,
            last: true,
          },
    )
  }
  const sent = new Set(messages.filter(m => m.sender_id === options.me).map(m => m.client_msg_id))
  for (const item of pending) {
    if (sent.has(item.clientMsgId)) continue
    dayRow(item.at)
    rows.push({ kind: 'pending', key: keyOf(options.me, item.clientMsgId), item, first: true, last: true })
  }
  return grouped(rows, options.me)
}

/** A pending message and the sent one share the key, so that its bubble stays where it is. */
function keyOf(sender: Uuid, clientMsgId: Uuid): string {
  return `${sender}:${clientMsgId}`
}

function grouped(rows: Row[], me: Uuid): Row[] {
  for (let i = 1; i < rows.length; i++) {
    const [before, row] = [rows[i - 1]!, rows[i]!]
    if (!isBubble(before) || !isBubble(row) || !together(before, row, me)) continue
    before.last = false
    row.first = false
  }
  return rows
}

type Bubble = Extract<Row, { kind: 'message' | 'pending' }>

function isBubble(row: Row): row is Bubble {
  return row.kind === 'message' || row.kind === 'pending'
}

function together(a: Bubble, b: Bubble, me: Uuid): boolean {
  return senderOf(a, me) === senderOf(b, me) && Math.abs(atOf(b) - atOf(a)) < GROUP_WITHIN_MS
}

const senderOf = (row: Bubble, me: Uuid) => (row.kind === 'message' ? row.message.sender_id : me)
const atOf = (row: Bubble) => (row.kind === 'message' ? row.message.at : row.item.at)
