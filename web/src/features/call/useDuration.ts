import { useIntervalFn } from '@vueuse/core'
import { computed, ref, type ComputedRef } from 'vue'
import { duration } from '@/shared/time'
import { serverNow } from '@/shared/useNow'
import type { CallPhase } from './callState'

/** How long the call has lasted, as 1:05; empty before both agreed to it. */
export function useDuration(phase: () => CallPhase): ComputedRef<string> {
  return useElapsed(() => {
    const { kind, ...rest } = phase()
    return 'agreedAt' in rest && kind !== 'connecting' ? rest.agreedAt : undefined
  })
}

/** The time since then by the server's clock, as 1:05; empty while there is no then. */
export function useElapsed(since: () => number | undefined): ComputedRef<string> {
  const now = ref(serverNow())
  useIntervalFn(() => (now.value = serverNow()), 500)
  return computed(() => {
    const from = since()
    return from === undefined ? '' : duration(Math.max(0, now.value - from))
  })
}
