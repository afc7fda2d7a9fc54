import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

/**
 * Where `npm run dev` finds the server. The page itself always speaks to its own origin, and so do rooms: the server
 * tells their address by the Host it is asked at, which the proxy leaves as it is.
 */
const target = process.env.BECKON_SERVER ?? 'http://127.0.0.1:8080'
const proxy = Object.fromEntries(['/api', '/rtc'].map(path => [path, { target, ws: true }]))

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy },
  build: {
    target: 'es2022',
    // livekit-client, loaded with the first group call; what a first visit loads is held by scripts/budget.mjs.
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'vue', test: /node_modules[\\/](vue|@vue|pinia|vue-router|vue-i18n|@intlify|@vueuse)[\\/]/ },
          ],
        },
      },
    },
  },
  define: { __VUE_PROD_DEVTOOLS__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  // Element Plus imports its styles; only a bundler understands that.
  test: { environment: 'node', include: ['src/**/*.test.ts'], server: { deps: { inline: ['element-plus'] } } },
})
