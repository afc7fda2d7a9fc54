import { useI18n } from 'vue-i18n'
import type { CallBody, Conversation, Message, SystemEvent, Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { usePeople } from '@/features/people'
import { isolated } from '@/shared/text'
import { duration } from '@/shared/time'
import { useTyping } from './typing.store'

/** Messages and events in one line of words, for the list and for lines in the chat. */
export function useWords() {
  const { t } = useI18n()
  const account = useAccount()
  const people = usePeople()
  const typing = useTyping()

  const name = (id: Uuid) => (id === account.me?.id ? t('conversations.you') : people.nameOf(id))

  function event({ kind, actor_id, user_ids = [], title = '' }: SystemEvent): string {
    const users = user_ids.map(id => isolated(name(id))).join(t('conversations.separator'))
    // English speaks of "you" inside a sentence; a new owner may be named as the actor alone.
    return t(`conversations.event.${kind}`, { actor: name(actor_id), users: users || name(actor_id), title })
  }

  /** A call record as its side saw it: the caller's is the sender. */
  function call(body: CallBody, own: boolean): string {
    const spoken = body.duration_ms ? duration(body.duration_ms) : ''
    switch (body.outcome) {
      case 'completed':
        return t('conversations.call.completed', { media: t(`conversations.call.${body.media}`), duration: spoken })
      case 'lost':
        return spoken ? t('conversations.call.lost', { duration: spoken }) : t('conversations.call.lostEarly')
      case 'declined':
        return t(own ? 'conversations.call.declined' : 'conversations.call.declinedByMe')
      case 'busy':
        return t(own ? 'conversations.call.busy' : 'conversations.call.busyMe')
      case 'cancelled':
        return t(own ? 'conversations.call.cancelled' : 'conversations.call.missedByMe')
      case 'missed':
        return t(own ? 'conversations.call.missed' : 'conversations.call.missedByMe')
    }
  }

  function recalled(message: Message): string {
    return message.sender_id === account.me?.id
      ? t('conversations.recalledOwn')
      : t('conversations.recalled', { name: name(message.sender_id) })
  }

  /** The newest message as the list tells it. */
  function preview(message: Message, conversation: Conversation): string {
    const own = message.sender_id === account.me?.id
    const by = conversation.kind === 'group' && !own ? `${isolated(name(message.sender_id))}: ` : ''
    const { body } = message
    switch (body.type) {
      case 'text':
        return by + body.text
      case 'image':
        return by + (body.caption ?? t('conversations.image'))
      case 'file':
        return by + t('conversations.file', { name: body.name })
      case 'call':
        return call(body, own)
      case 'system':
        return event(body.event)
      case 'withheld':
        return ''
      case 'recalled':
        return recalled(message)
    }
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

  return { name, event, call, recalled, preview, typingIn }
}
