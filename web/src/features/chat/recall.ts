import type { Message, Uuid } from '@/api'

/** The sender may take a message back for this long. */
export const RECALL_WITHIN_MS = 2 * 60_000

export function recallable(message: Message, me: Uuid, now: number): boolean {
  return message.sender_id === me && ['text', 'image', 'file'].includes(message.body.type) && now - message.at < RECALL_WITHIN_MS
}
