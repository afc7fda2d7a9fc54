import { onKeyStroke, useEventListener } from '@vueuse/core'
import { ref, type Ref } from 'vue'

interface CallKeys {
  microphone: () => void
  camera: () => void
  screen: () => void
  leave: () => void
  /** Only where there are many people. */
  people?: () => void
  layout?: () => void
  /** Whether the microphone is muted, so that holding space means talking. */
  isMuted: () => boolean
  talk: (on: boolean) => void
}

/** What each key does, as its tooltip says it. */
export const KEYS = { microphone: 'M', camera: 'V', screen: 'S', leave: 'Shift+L', people: 'P', layout: 'G' }

/** The keyboard of a call; silent while somebody writes or a menu has the keys. Returns whether space holds the line open. */
export function useCallKeys(act: CallKeys): Ref<boolean> {
  const talking = ref(false)

  const onKey = (key: string, handler: () => void, shift = false) =>
    onKeyStroke(
      event => event.key.toLowerCase() === key,
      event => {
        if (
          event.repeat ||
          event.ctrlKey ||
          event.metaKey ||
          event.altKey ||
          event.shiftKey !== shift ||
          isTaken(event)
        )
          return
        event.preventDefault()
        handler()
      },
    )

  onKey('m', act.microphone)
  onKey('v', act.camera)
  onKey('s', act.screen)
  onKey('l', act.leave, true)
  if (act.people) onKey('p', act.people)
  if (act.layout) onKey('g', act.layout)

  onKeyStroke(' ', event => {
    if (isTaken(event) || isButton(event.target)) return
    event.preventDefault()
    if (event.repeat || talking.value || !act.isMuted()) return
    talking.value = true
    act.talk(true)
  })

  const release = () => {
    if (!talking.value) return
    talking.value = false
    act.talk(false)
  }
  onKeyStroke(' ', release, { eventName: 'keyup' })
  // A key let go in another window is never heard here.
  useEventListener(window, 'blur', release)
  return talking
}

function isTaken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return !!target?.closest?.('input, textarea, select, [contenteditable], [role=dialog], [role=menu]')
}

/** Space presses the button that has the focus, as everywhere. */
function isButton(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('button:focus-visible, a')
}
