import { watch } from 'vue'

const FAREWELL_MS = 4000

/** Dismisses what is over after a while: nobody has to close a call that ended while they were elsewhere. */
export function useFarewell(over: () => unknown, dismiss: () => void): void {
  watch(
    over,
    (ended, _, onCleanup) => {
      if (!ended) return
      const timer = setTimeout(dismiss, FAREWELL_MS)
      onCleanup(() => clearTimeout(timer))
    },
    { immediate: true },
  )
}
