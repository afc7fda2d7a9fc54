import { ref, type Ref } from 'vue'
import { errorText } from './errors'

interface Attempt {
  busy: Ref<boolean>
  /** What went wrong last; empty if nothing did. */
  problem: Ref<string>
  attempt: (act: () => Promise<void>) => Promise<void>
}

/** Something that may fail and be tried again, one at a time. */
export function useAttempt(): Attempt {
  const busy = ref(false)
  const problem = ref('')

  async function attempt(act: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    problem.value = ''
    try {
      await act()
    } catch (error) {
      problem.value = errorText(error)
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, attempt }
}
