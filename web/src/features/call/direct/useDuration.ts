import type { ComputedRef } from 'vue'
import { useElapsed } from '../stage/useElapsed'
import type { DirectPhase } from './directCall'

/** How long the call has lasted, as 1:05; empty before both agreed to it. */
export function useDuration(phase: () => DirectPhase): ComputedRef<string> {
  return useElapsed(() => {
    const { kind, ...rest } = phase()
    return 'agreedAt' in rest && kind !== 'connecting' ? rest.agreedAt : undefined
  })
}
