import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { socket, type Uuid } from '@/api'
import { useAccount } from '@/features/account'

/** A relayed keystroke counts for this long; the server relays one in two seconds. */
const TYPING_MS = 5000

/** Who is typing where, right now. */
export const useTyping = defineStore('typing', () => {
  const account = useAccount()
  const typing = reactive(new Map<Uuid, Map<Uuid, ReturnType<typeof setTimeout>>>())

  socket.on('typing', ({ conversation_id, user_id }) => {
    // My other devices hear of my own keys too.
    if (user_id === account.me?.id) return
    stopped(conversation_id, user_id)
    const here = typing.get(conversation_id) ?? new Map()
    here.set(
      user_id,
      setTimeout(() => stopped(conversation_id, user_id), TYPING_MS),
    )
    typing.set(conversation_id, here)
  })
  // What was being typed has been sent.
  socket.on('message', ({ message }) => stopped(message.conversation_id, message.sender_id))

  function stopped(conversationId: Uuid, userId: Uuid): void {
    const here = typing.get(conversationId)
    clearTimeout(here?.get(userId))
    here?.delete(userId)
  }

  return { inConversation: (id: Uuid): Uuid[] => [...(typing.get(id)?.keys() ?? [])] }
})
