import { useIntervalFn } from '@vueuse/core'
import { computed, ref, type ComputedRef } from 'vue'
import { duration } from '@/shared/time'
import { serverNow } from '@/shared/useNow'

/** The time since a moment by the server's clock, as 1:05; empty while there is no then. */
export function useElapsed(since: () => number | undefined): ComputedRef<string> {
  const now = ref(serverNow())
  useIntervalFn(() => (now.value = serverNow()), 500)
  return computed(() => {
    const from = since()
    return from === undefined ? '' : duration(Math.max(0, now.value - from))
  })
}
