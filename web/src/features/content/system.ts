import { isolated } from '@/shared/text'
import type { BodyOf, Kind } from './kind'

export const system: Kind<BodyOf<'system'>> = {
  line: 'system-line',
  preview({ event }, { t, name }) {
    const { kind, actor_id, user_ids = [], title = '' } = event
    const users = user_ids.map(id => isolated(name(id))).join(t('conversations.separator'))
    // English speaks of "you" inside a sentence; a new owner may be named as the actor alone.
    return t(`conversations.event.${kind}`, { actor: name(actor_id), users: users || name(actor_id), title })
  },
}
