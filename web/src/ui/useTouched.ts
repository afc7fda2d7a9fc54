import { useEventListener } from '@vueuse/core'
import { ref, type Ref } from 'vue'

const touched = ref(false)
const note = ({ pointerType }: PointerEvent) => (touched.value = pointerType === 'touch')

/** True while a finger is used: it has nowhere to hover, so what a tap would open nothing would close. */
export function useTouched(): Ref<boolean> {
  return touched
}

useEventListener(document, ['pointerdown', 'pointermove'], note, { capture: true, passive: true })
