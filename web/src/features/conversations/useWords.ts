import { useI18n } from 'vue-i18n'
import type { Conversation, Message, Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { isSaid, previewOf } from '@/features/content'
import { usePeople } from '@/features/people'
import { isolated } from '@/shared/text'
import { useTyping } from './typing.store'

/** Messages and events in one line of words, for the list and for lines in the chat. */
export function useWords() {
  const { t } = useI18n()
  const account = useAccount()
  const people = usePeople()
  const typing = useTyping()

  const name = (id: Uuid) => (id === account.me?.id ? t('conversations.you') : people.nameOf(id))

  /** A message in one line, as it was meant for whoever reads it. */
  function line({ body, sender_id: sender }: Message): string {
    return previewOf(body, { t, name, sender, own: sender === account.me?.id })
  }

  /** The newest message as the list tells it. */
  function preview(message: Message, conversation: Conversation): string {
    const named = conversation.kind === 'group' && message.sender_id !== account.me?.id && isSaid(message.body)
    return (named ? `${isolated(name(message.sender_id))}: ` : '') + line(message)
  }

  /** Who is typing, in words; empty when nobody is. */
  function typingIn(conversation: Conversation): string {
    const who = typing.inConversation(conversation.id)
    if (who.length === 0) return ''
    if (conversation.kind === 'direct') return t('conversations.typing')
    return who.length === 1
      ? t('conversations.typingName', { name: name(who[0]!) })
      : t('conversations.typingSome', { n: who.length })
  }

  return { line, preview, typingIn }
}
