import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref } from 'vue'
import { socket, type Conversation, type Message } from '@/api'
import { useAccount } from '@/features/account'
import { isSaid } from '@/features/content'
import { useConversations } from '@/features/conversations'

/** Long enough to read a line, short enough not to stand before a face for long. */
const SHOWN_MS = 6000

export interface MessageHint {
  readonly message: Message
  readonly conversation: Conversation
}

/** Messages that come while nothing but a call is to be seen: the newest one for a moment, and how many there were. */
export function useMessageHint(): {
  hint: ComputedRef<MessageHint | undefined>
  count: Ref<number>
  dismiss: () => void
} {
  const account = useAccount()
  const conversations = useConversations()
  const message = shallowRef<Message>()
  const count = ref(0)
  let timer: ReturnType<typeof setTimeout> | undefined

  const hint = computed(() => {
    const conversation = message.value && conversations.byId(message.value.conversation_id)
    return message.value && conversation && { message: message.value, conversation }
  })

  function dismiss(): void {
    clearTimeout(timer)
    message.value = undefined
  }

  const stop = socket.on('message', frame => {
    const heard = frame.message
    if (heard.sender_id === account.me?.id || !isSaid(heard.body)) return
    dismiss()
    message.value = heard
    count.value++
    timer = setTimeout(dismiss, SHOWN_MS)
  })
  onScopeDispose(() => {
    stop()
    dismiss()
  })
  return { hint, count, dismiss }
}
