import { useNow } from '@vueuse/core'
import { computed, type ComputedRef } from 'vue'
import { duration } from '@/shared/time'
import type { CallPhase } from './callState'

/** How long the call has lasted, as 1:05; empty before both agreed to it. */
export function useDuration(phase: () => CallPhase): ComputedRef<string> {
  const now = useNow({ interval: 500 })
  return computed(() => {
    const { kind, ...rest } = phase()
    const since = 'agreedAt' in rest ? rest.agreedAt : undefined
    return since === undefined || kind === 'connecting' ? '' : duration(Math.max(0, now.value.getTime() - since))
  })
}
