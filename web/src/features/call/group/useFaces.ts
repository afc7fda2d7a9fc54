import { useI18n } from 'vue-i18n'
import type { GroupCall, Profile, Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { useConversations } from '@/features/conversations'
import { usePeople } from '@/features/people'
import { useGroupCall } from './groupCall.store'
import { callOf, type GroupPhase } from './groupCallState'

/** Names and pictures of the people of a call, as one knows them; strangers are as the call tells. */
export function useFaces() {
  const { t } = useI18n()
  const account = useAccount()
  const conversations = useConversations()
  const people = usePeople()
  const groupCall = useGroupCall()

  const known = (id: Uuid): Profile | undefined => people.profiles.get(id)
  const name = (id: Uuid, otherwise = '') => (known(id) ? people.nameOf(id) : '') || otherwise

  function avatar(id: Uuid): string | undefined {
    if (id === account.me?.id) return account.me.avatar
    return (known(id) ?? groupCall.call?.participants.find(one => one.id === id))?.avatar
  }

  /** The group's title; a call that grew out of one between two is called by who is in it. */
  function titleOf(call: GroupCall): string {
    const conversation = conversations.byId(call.conversation_id)
    if (conversation?.kind === 'group') return conversations.titleOf(conversation)
    const others = call.participants.filter(one => one.id !== account.me?.id).map(one => name(one.id, one.nickname))
    return others.slice(0, 3).join(t('conversations.separator')) || t('call.room.title')
  }

  function title(phase: GroupPhase): string {
    const call = callOf(phase)
    if (call) return titleOf(call)
    const target = phase.kind === 'joining' || phase.kind === 'left' ? phase.target : undefined
    const conversation = target && 'conversationId' in target ? conversations.byId(target.conversationId) : undefined
    return conversation ? conversations.titleOf(conversation) : t('call.room.title')
  }

  return { name, avatar, titleOf, title }
}
