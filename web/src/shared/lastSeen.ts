import type { Millis, Presence } from '@/api'
import { lang } from './preferences'
import { daysAgo, short } from './time'
import { i18n } from './i18n'

/** Whether somebody is here, in words: "online", or when they last were. */
export function lastSeen({ state, last_seen_at }: Presence, now: Millis): string {
  const { t } = i18n.global
  if (state !== 'offline') return t(`shared.${state}`)
  return last_seen_at ? t('shared.lastSeen', { time: ago(last_seen_at, now) }) : t('shared.offline')
}

function ago(at: Millis, now: Millis): string {
  const { t } = i18n.global
  const minutes = Math.floor((now - at) / 60_000)
  if (minutes < 1) return t('shared.justNow')
  if (minutes < 60) return t('shared.minutesAgo', { n: minutes })
  const yesterday = t('shared.yesterday')
  return daysAgo(at, now) === 1 ? yesterday : short(at, now, lang.value, { yesterday })
}
