import type { Message, Millis, Uuid } from '@/api'
import { isSaid } from '@/features/content'

/** Whether its sender may still take a message back, by the server's clock and its limit. */
export function recallable(message: Message, me: Uuid, serverNow: Millis, withinMs: Millis = Infinity): boolean {
  return message.sender_id === me && isSaid(message.body) && serverNow - message.at < withinMs
}
