import { useTimestamp } from '@vueuse/core'
import { effectScope, type Ref } from 'vue'

const MINUTE_MS = 60_000
let minute: Ref<number> | undefined

/** The time, moving once a minute, for everything that says "yesterday"; one timer for the page. */
export function useMinute(): Ref<number> {
  minute ??= effectScope(true).run(() => useTimestamp({ interval: MINUTE_MS }))!
  return minute
}
