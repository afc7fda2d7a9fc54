import type { Conversation, Member, Message, Uuid } from '@/api'

/** How far a message of mine has come. */
export type Delivery = { kind: 'sent' } | { kind: 'received' } | { kind: 'read'; by?: number }

/** In a group a message is read as soon as somebody has read it, and the mark says by how many. */
export function deliveryOf(
  message: Message,
  conversation: Conversation,
  members: readonly Member[],
  me: Uuid,
): Delivery {
  if (conversation.kind === 'direct') {
    if ((conversation.peer_read_seq ?? 0) >= message.seq) return { kind: 'read' }
    return { kind: (conversation.peer_received_seq ?? 0) >= message.seq ? 'received' : 'sent' }
  }
  const others = members.filter(member => member.user.id !== me)
  const by = others.filter(member => member.read_seq >= message.seq).length
  if (by > 0) return { kind: 'read', by }
  return { kind: others.length > 0 && others.every(m => m.received_seq >= message.seq) ? 'received' : 'sent' }
}
