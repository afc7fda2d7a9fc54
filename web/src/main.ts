import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { learnSettings } from './api'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { applyPreferences } from './shared/preferences'
import './ui/tokens.css'
import './ui/base.css'

// The browser ended it because the page or a part of it is gone: nobody waits for it any more.
addEventListener('unhandledrejection', event => event.reason?.name === 'AbortError' && event.preventDefault())

applyPreferences()
void learnSettings()
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
