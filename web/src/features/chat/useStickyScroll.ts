import { useEventListener, useResizeObserver } from '@vueuse/core'
import { nextTick, onBeforeUpdate, onUpdated, ref, type Ref } from 'vue'

/** Nearer to the end than this is at the end. */
const AT_END_PX = 60

/** A row by its key, and where it was on the screen. */
interface Anchor {
  key: string
  top: number
}

/**
 * Keeps a list where its reader is: at the end it follows the end, anywhere else the row being read does not
 * move, whatever is put in above or below it. The last row is the end only while the list is `whole`. Rows carry `data-key`.
 */
export function useStickyScroll(
  scroller: Ref<HTMLElement | null>,
  content: Ref<HTMLElement | null>,
  whole: Ref<boolean>,
  onScroll: () => void,
) {
  const atEnd = ref(true)
  /** As it was when the rows in sight were put there: the page that completes a list is not jumped over. */
  let wasWhole = whole.value
  let anchor: Anchor | undefined

  useEventListener(
    scroller,
    'scroll',
    () => {
      measure()
      onScroll()
    },
    { passive: true },
  )
  useResizeObserver([scroller, content], () => atEnd.value && toEnd())
  onBeforeUpdate(() => {
    // A scroll is told about a frame later; the update must not undo it.
    measure()
    anchor = atEnd.value ? undefined : firstBelow(scroller.value?.getBoundingClientRect().top ?? 0, rows())
  })
  onUpdated(() => {
    wasWhole = whole.value
    if (atEnd.value) toEnd()
    else restore()
  })

  function measure(): void {
    const el = scroller.value
    if (el) atEnd.value = wasWhole && el.scrollHeight - el.scrollTop - el.clientHeight < AT_END_PX
  }

  function toEnd(): void {
    const el = scroller.value
    if (el) el.scrollTop = el.scrollHeight
  }

  async function followEnd(): Promise<void> {
    atEnd.value = true
    await nextTick()
    toEnd()
  }

  async function show(key: string): Promise<void> {
    await nextTick()
    const row = rowOf(key)
    if (!row || !scroller.value) return followEnd()
    scroller.value.scrollTop +=
      row.getBoundingClientRect().top - scroller.value.getBoundingClientRect().top - scroller.value.clientHeight / 4
    measure()
  }

  function restore(): void {
    const row = anchor && rowOf(anchor.key)
    if (row && scroller.value) scroller.value.scrollTop += row.getBoundingClientRect().top - anchor!.top
  }

  const rows = () => content.value?.querySelectorAll<HTMLElement>('[data-key]') ?? []
  const rowOf = (key: string) => content.value?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)

  return { atEnd, followEnd, show, rows, measure }
}

function firstBelow(edge: number, rows: Iterable<HTMLElement>): Anchor | undefined {
  for (const row of rows) {
    const { top, bottom } = row.getBoundingClientRect()
    if (bottom > edge) return { key: row.dataset.key!, top }
  }
  return undefined
}
