import type { Message, Millis, Uuid } from '@/api'

/** Whether its sender may still take a message back, by the server's clock and its limit. */
export function recallable(message: Message, me: Uuid, serverNow: Millis, withinMs: Millis = Infinity): boolean {
  return (
    message.sender_id === me &&
    ['text', 'image', 'file'].includes(message.body.type) &&
    serverNow - message.at < withinMs
  )
}
