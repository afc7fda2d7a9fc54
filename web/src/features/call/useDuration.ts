import { useNow } from '@vueuse/core'
import { computed, type ComputedRef } from 'vue'
import { duration } from '@/shared/time'
import type { CallPhase } from './callState'

/** How long the call has lasted, as 1:05; empty before both agreed to it. */
export function useDuration(phase: () => CallPhase): ComputedRef<string> {
  return useElapsed(() => {
    const { kind, ...rest } = phase()
    return 'agreedAt' in rest && kind !== 'connecting' ? rest.agreedAt : undefined
  })
}

/** The time since then, as 1:05; empty while there is no then. */
export function useElapsed(since: () => number | undefined): ComputedRef<string> {
  const now = useNow({ interval: 500 })
  return computed(() => {
    const from = since()
    return from === undefined ? '' : duration(Math.max(0, now.value.getTime() - from))
  })
}
