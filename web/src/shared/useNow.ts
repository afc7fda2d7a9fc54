import { useTimestamp } from '@vueuse/core'
import { computed, effectScope, ref, type Ref } from 'vue'
import { socket, type Millis } from '@/api'

const MINUTE_MS = 60_000
/** How far the server's clock, by which everything here is dated, is ahead of this device's. */
const ahead = ref<Millis>(0)
let minute: Ref<Millis> | undefined

socket.on('welcome', frame => (ahead.value = frame.server_time - Date.now()))

/** The time by the server's clock: what it decides by time is compared with this. */
export function serverNow(): Millis {
  return Date.now() + ahead.value
}

/** The same, moving once a minute, for everything that says "yesterday"; one timer for the page. */
export function useMinute(): Ref<Millis> {
  minute ??= effectScope(true).run(() => {
    const local = useTimestamp({ interval: MINUTE_MS })
    return computed(() => local.value + ahead.value)
  })!
  return minute
}
