import { usePreferredDark, useStorage } from '@vueuse/core'
import { computed, effectScope, watchEffect } from 'vue'
import type { Lang } from '@/api'

export type Theme = 'system' | 'light' | 'dark'

const browserLang: Lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'

/** What a person has chosen on this device; kept in the browser, shared by its tabs. */
export const lang = useStorage<Lang>('beckon.lang', browserLang)
export const theme = useStorage<Theme>('beckon.theme', 'system')
/** Enter sends and Shift+Enter breaks the line; otherwise Ctrl+Enter sends. */
export const enterSends = useStorage('beckon.enter_sends', true)

const prefersDark = usePreferredDark()
export const dark = computed(() => (theme.value === 'system' ? prefersDark.value : theme.value === 'dark'))

/** Puts the choices on the document, now and whenever they change; before the first picture public/theme.js does. */
export function applyPreferences(): void {
  effectScope(true).run(() =>
    watchEffect(() => {
      document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
      document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en'
      document
        .querySelector('meta[name=theme-color]')
        ?.setAttribute('content', getComputedStyle(document.documentElement).getPropertyValue('--surface'))
    }),
  )
}
