import type { CallBody } from '@/api'
import { duration } from '@/shared/time'
import type { Reader } from './kind'

/** A call record as its side saw it: the caller's is the sender. */
export function callWords(body: CallBody, { t, own }: Pick<Reader, 't' | 'own'>): string {
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
