import { describe, expect, it } from 'vitest'
import type { Conversation, Message } from '@/api'
import { mergeConversation, withMessage, withReceipt } from './merge'

const conversation = (over: Partial<Conversation> = {}): Conversation => ({
  id: 'c',
  kind: 'direct',
  role: 'member',
  writable: true,
  member_count: 2,
  last_seq: 5,
  last_ver: 5,
  read_seq: 5,
  received_seq: 5,
  unread: 0,
  created_at: 0,
  updated_at: 50,
  ...over,
})

const message = (seq: number, over: Partial<Message> = {}): Message => ({
  id: `m${seq}`,
  conversation_id: 'c',
  seq,
  ver: seq,
  sender_id: 'peer',
  client_msg_id: `k${seq}`,
  at: seq * 10,
  body: { type: 'text', text: 'hi' },
  ...over,
})

describe('a message', () => {
  it('from another becomes the last one and counts as unread', () => {
    const next = withMessage(conversation(), message(6), 'me')
    expect(next).toMatchObject({ last_seq: 6, unread: 1, updated_at: 60, last_message: { seq: 6 } })
  })

  it('of my own, from another device, reads the conversation', () => {
    expect(withMessage(conversation({ read_seq: 3 }), message(6, { sender_id: 'me' }), 'me').unread).toBe(0)
  })

  it('heard twice changes nothing', () => {
    const once = withMessage(conversation(), message(6), 'me')
    expect(withMessage(once, message(6), 'me')).toEqual(once)
  })

  it('recalled while it is the newest changes the preview, not the order', () => {
    const once = withMessage(conversation(), message(6), 'me')
    const recalled = withMessage(once, message(6, { ver: 7, body: { type: 'recalled' }, at: 999 }), 'me')
    expect(recalled).toMatchObject({
      last_message: { body: { type: 'recalled' } },
      updated_at: 60,
      last_ver: 7,
      unread: 1,
    })
  })
})

describe('an answer of the server', () => {
  it('does not undo a message heard while it travelled', () => {
    const heard = withMessage(conversation(), message(6), 'me')
    expect(mergeConversation(heard, conversation({ title: 'new' }))).toMatchObject({
      last_seq: 6,
      unread: 1,
      title: 'new',
    })
  })

  it('does not un-read', () => {
    const merged = mergeConversation(conversation({ read_seq: 5 }), conversation({ read_seq: 2, unread: 3 }))
    expect(merged).toMatchObject({ read_seq: 5, unread: 0 })
  })
})

describe('a receipt', () => {
  it('of mine clears the badge', () => {
    const unread = conversation({ last_seq: 9, unread: 4 })
    expect(
      withReceipt(unread, { conversation_id: 'c', user_id: 'me', read_seq: 9, received_seq: 9 }, 'me').unread,
    ).toBe(0)
  })

  it('of the peer never moves back', () => {
    const known = conversation({ peer_read_seq: 4, peer_received_seq: 5 })
    const next = withReceipt(known, { conversation_id: 'c', user_id: 'peer', read_seq: 2, received_seq: 6 }, 'me')
    expect(next).toMatchObject({ peer_read_seq: 4, peer_received_seq: 6 })
  })
})
