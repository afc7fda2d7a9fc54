import { useTitle } from '@vueuse/core'
import { computed, watch } from 'vue'
import { socket } from '@/api'
import { useChat, useOutbox, useReceipts } from '@/features/chat'
import { useCall } from '@/features/call'
import { useContacts, useRequests } from '@/features/contacts'
import { useConversations, useMembers, useTyping } from '@/features/conversations'
import { useOwnPresence } from '@/features/people'
import { lang } from '@/shared/preferences'

/**
 * Starts everything that lives as long as somebody is signed in. Every store listens before the socket speaks,
 * so nothing falls between reading and hearing.
 */
export function goLive(): void {
  const conversations = useConversations()
  useMembers()
  useContacts()
  useRequests()
  useCall()
  useTyping()
  useChat()
  useReceipts()
  useOwnPresence()
  void useOutbox().restore()

  useTitle(computed(() => (conversations.unread ? `(${conversations.unread}) Beckon` : 'Beckon')))
  socket.start(lang.value)
  watch(lang, language => socket.speak(language))
}
