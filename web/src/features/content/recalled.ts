import type { BodyOf, Kind } from './kind'

export const recalled: Kind<BodyOf<'recalled'>> = {
  line: 'recalled',
  preview: (_, { t, own, sender, name }) =>
    own ? t('conversations.recalledOwn') : t('conversations.recalled', { name: name(sender) }),
}
