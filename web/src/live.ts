import { useTitle } from '@vueuse/core'
import { computed, watch } from 'vue'
import { learnSettings, socket } from '@/api'
import { useChat, useOutbox, useReceipts } from '@/features/chat'
import { useDirectCall } from '@/features/call'
import { useContacts, useRequests } from '@/features/contacts'
import { useConversations, useMembers, useTyping } from '@/features/conversations'
import { useOwnPresence, usePeople } from '@/features/people'
import { i18n } from '@/shared/i18n'
import { lang } from '@/shared/preferences'

/**
 * Starts everything that lives as long as somebody is signed in. Every store listens before the socket speaks,
 * so nothing falls between reading and hearing.
 */
export function goLive(): void {
  const conversations = useConversations()
  const people = usePeople()
  const directCall = useDirectCall()
  useMembers()
  useContacts()
  useRequests()
  useTyping()
  useChat()
  useReceipts()
  useOwnPresence()
  void useOutbox().restore()

  // A tab in the background has nothing but its title to say who rings.
  const ringing = computed(() => {
    const caller = directCall.incoming[0]
    return (
      caller &&
      i18n.global.t(`call.incoming.${caller.media}`, { name: people.nameOf(caller.peer.id) || caller.peer.nickname })
    )
  })
  useTitle(computed(() => ringing.value ?? (conversations.unread ? `(${conversations.unread}) Beckon` : 'Beckon')))
  socket.on('welcome', frame => frame.recovered || void learnSettings())
  socket.start(lang.value)
  watch(lang, language => socket.speak(language))
}
