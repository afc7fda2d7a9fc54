import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { learnSettings } from './api'
import App from './App.vue'
import { i18n } from './shared/i18n'
import { router } from './router'
import { tolerateAborts } from './shared/aborts'
import { applyPreferences } from './shared/preferences'
import './words'
import './ui/tokens.css'
import './ui/base.css'

tolerateAborts()
applyPreferences()
void learnSettings()
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
