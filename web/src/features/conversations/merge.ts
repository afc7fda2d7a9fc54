import type { Conversation, Message, Receipt, Uuid } from '@/api'

/**
 * How news changes a conversation's entry. Frames and answers may cross on the way, so every rule is
 * idempotent and nothing ever moves back.
 */

/** Joins an answer of the server with what frames have told meanwhile. */
export function mergeConversation(known: Conversation | undefined, read: Conversation): Conversation {
  if (!known) return read
  const tail = known.last_ver > read.last_ver ? known : read
  const merged: Conversation = {
    ...read,
    last_seq: tail.last_seq,
    last_ver: tail.last_ver,
    last_message: tail.last_message,
    updated_at: Math.max(known.updated_at, read.updated_at),
    read_seq: Math.max(known.read_seq, read.read_seq),
    received_seq: Math.max(known.received_seq, read.received_seq),
    peer_read_seq: highest(known.peer_read_seq, read.peer_read_seq),
    peer_received_seq: highest(known.peer_received_seq, read.peer_received_seq),
  }
  return counted(merged)
}

/** A new message, or the tombstone of the newest one. */
export function withMessage(known: Conversation, message: Message, me: Uuid): Conversation {
  if (message.seq < known.last_seq) return { ...known, last_ver: Math.max(known.last_ver, message.ver) }
  if (message.seq === known.last_seq && known.last_message && known.last_message.ver >= message.ver) return known
  // As the server counts: whoever writes, calls or changes a group has read what is above.
  const own = message.sender_id === me
  return counted({
    ...known,
    last_seq: message.seq,
    last_ver: Math.max(known.last_ver, message.ver),
    last_message: message,
    updated_at: message.seq > known.last_seq ? Math.max(known.updated_at, message.at) : known.updated_at,
    read_seq: own ? Math.max(known.read_seq, message.seq) : known.read_seq,
  })
}

export function withReceipt(known: Conversation, receipt: Receipt, me: Uuid): Conversation {
  if (receipt.user_id === me) {
    return counted({
      ...known,
      read_seq: Math.max(known.read_seq, receipt.read_seq),
      received_seq: Math.max(known.received_seq, receipt.received_seq),
    })
  }
  if (known.kind === 'group') return known
  return {
    ...known,
    peer_read_seq: highest(known.peer_read_seq, receipt.read_seq),
    peer_received_seq: highest(known.peer_received_seq, receipt.received_seq),
  }
}

function counted(conversation: Conversation): Conversation {
  return { ...conversation, unread: Math.max(0, conversation.last_seq - conversation.read_seq) }
}

function highest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b)
}
