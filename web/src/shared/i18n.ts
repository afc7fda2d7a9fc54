import { watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { speak } from '@/api'
import * as shared from './locale'
import { lang } from './preferences'
import { isolated } from './text'

/** The words of a part of the client, in both languages. */
interface Locale {
  zh: object
  en: object
}

export const i18n = createI18n({
  legacy: false,
  locale: lang.value,
  fallbackLocale: 'en',
  messages: { zh: {}, en: {} },
})

/** Places in our sentences that people's own words are put into. */
const OTHERS_WORDS = /\{(?:name|actor|title|query)\}/g

function framed<T>(words: T): T {
  if (typeof words === 'string') return words.replace(OTHERS_WORDS, isolated) as T
  return Object.fromEntries(Object.entries(words as object).map(([key, part]) => [key, framed(part)])) as T
}

/** Adds the words of features, each under its own name. */
export function addWords(features: Record<string, Locale>): void {
  for (const [name, { zh, en }] of Object.entries(features)) {
    i18n.global.mergeLocaleMessage('zh', { [name]: framed(zh) })
    i18n.global.mergeLocaleMessage('en', { [name]: framed(en) })
  }
}

addWords({ shared })

watch(
  lang,
  language => {
    i18n.global.locale.value = language
    speak(language)
  },
  { immediate: true },
)
