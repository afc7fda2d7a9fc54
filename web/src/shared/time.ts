import type { Lang, Millis } from '@/api'

/** Times as people say them; the exact one belongs in a tooltip. */

const tag = (lang: Lang) => (lang === 'zh' ? 'zh-CN' : 'en-GB')

const formats = new Map<string, Intl.DateTimeFormat>()

function format(at: Millis, lang: Lang, options: Intl.DateTimeFormatOptions): string {
  const key = lang + JSON.stringify(options)
  const known = formats.get(key) ?? new Intl.DateTimeFormat(tag(lang), options)
  formats.set(key, known)
  return known.format(at)
}

/** 14:05 */
export function clock(at: Millis, lang: Lang): string {
  return format(at, lang, { hour: '2-digit', minute: '2-digit', hour12: false })
}

/** 21 November 2026, 14:05:09 */
export function exact(at: Millis, lang: Lang): string {
  return format(at, lang, { dateStyle: 'long', timeStyle: 'medium' })
}

/** Whole days from `at` to `now` by the local calendar: 0 today, 1 yesterday. */
export function daysAgo(at: Millis, now: Millis): number {
  return Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000)
}

export function startOfDay(at: Millis): Millis {
  return new Date(at).setHours(0, 0, 0, 0)
}

interface RelativeWords {
  yesterday: string
}

/** For lists: the clock today, then yesterday, the weekday within a week, the date. */
export function short(at: Millis, now: Millis, lang: Lang, words: RelativeWords): string {
  const days = daysAgo(at, now)
  if (days <= 0) return clock(at, lang)
  if (days === 1) return words.yesterday
  if (days < 7) return format(at, lang, { weekday: 'short' })
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return format(
    at,
    lang,
    sameYear ? { month: 'numeric', day: 'numeric' } : { year: 'numeric', month: 'numeric', day: 'numeric' },
  )
}

/** For day dividers: today, yesterday, the date. */
export function day(at: Millis, now: Millis, lang: Lang, words: RelativeWords & { today: string }): string {
  const days = daysAgo(at, now)
  if (days <= 0) return words.today
  if (days === 1) return words.yesterday
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return format(at, lang, { ...(sameYear ? {} : { year: 'numeric' }), month: 'long', day: 'numeric', weekday: 'long' })
}

/** 1:05 or 1:02:03 */
export function duration(ms: Millis): string {
  const s = Math.floor(ms / 1000)
  const pad = (n: number) => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60]
  return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`
}
