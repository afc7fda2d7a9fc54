import { expect, it } from 'vitest'
import type { Conversation, Member, Message } from '@/api'
import { deliveryOf } from './delivery'

const message = { seq: 5, sender_id: 'me', at: 1000, body: { type: 'text', text: 'x' } } as Message
const direct = (over: Partial<Conversation>) => ({ kind: 'direct', ...over }) as Conversation
const group = { kind: 'group' } as Conversation
const member = (id: string, read_seq: number, received_seq = read_seq) =>
  ({ user: { id }, read_seq, received_seq }) as Member

it('between two: sent, received, read', () => {
  expect(deliveryOf(message, direct({}), [], 'me').kind).toBe('sent')
  expect(deliveryOf(message, direct({ peer_received_seq: 5, peer_read_seq: 4 }), [], 'me').kind).toBe('received')
  expect(deliveryOf(message, direct({ peer_received_seq: 5, peer_read_seq: 5 }), [], 'me').kind).toBe('read')
})

it('in a group counts the others who have read', () => {
  const members = [member('me', 9), member('a', 5), member('b', 4, 5), member('c', 7)]
  expect(deliveryOf(message, group, members, 'me')).toEqual({ kind: 'read', by: 2 })
})

it('in a group is received when everybody has it', () => {
  expect(deliveryOf(message, group, [member('me', 9), member('a', 0, 5), member('b', 0, 5)], 'me').kind).toBe(
    'received',
  )
  expect(deliveryOf(message, group, [member('me', 9), member('a', 0, 5), member('b', 0, 4)], 'me').kind).toBe('sent')
})
