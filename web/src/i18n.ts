import { createI18n } from 'vue-i18n'
import { watch } from 'vue'
import { speak } from '@/api'
import { lang } from '@/shared/preferences'
import { isolated } from '@/shared/text'
import * as account from '@/features/account/locale'
import * as call from '@/features/call/locale'
import * as chat from '@/features/chat/locale'
import * as contacts from '@/features/contacts/locale'
import * as conversations from '@/features/conversations/locale'
import * as groups from '@/features/groups/locale'
import * as settings from '@/features/settings/locale'
import * as shared from '@/shared/locale'

/** Each feature brings its own words, in both languages, under its own name. */
const features = { account, call, chat, contacts, conversations, groups, settings, shared }

type Features = typeof features
type Words<L extends 'zh' | 'en'> = { [F in keyof Features]: Features[F][L] }

function words<L extends 'zh' | 'en'>(language: L): Words<L> {
  return Object.fromEntries(
    Object.entries(features).map(([name, locale]) => [name, framed(locale[language])]),
  ) as Words<L>
}

/** Places in our sentences that people's own words are put into. */
const OTHERS_WORDS = /\{(?:name|actor|title|query)\}/g

function framed<T>(words: T): T {
  if (typeof words === 'string') return words.replace(OTHERS_WORDS, isolated) as T
  return Object.fromEntries(Object.entries(words as object).map(([key, part]) => [key, framed(part)])) as T
}

export const i18n = createI18n({
  legacy: false,
  locale: lang.value,
  fallbackLocale: 'en',
  messages: { zh: words('zh'), en: words('en') },
})

watch(
  lang,
  language => {
    i18n.global.locale.value = language
    speak(language)
  },
  { immediate: true },
)
