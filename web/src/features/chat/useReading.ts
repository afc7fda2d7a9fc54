import { useDocumentVisibility, useWindowFocus } from '@vueuse/core'
import { watch, type Ref } from 'vue'

/** A row counts as seen although this much of its foot is hidden. */
const HIDDEN_FOOT_PX = 8

interface Reader {
  scroller: Ref<HTMLElement | null>
  /** The rows from top to bottom; messages carry `data-seq`. */
  rows: () => Iterable<HTMLElement>
  /** False while the rows are not where the person will find them, or something lies over them. */
  inView: () => boolean
  /** The newest message that a person who is here has had in sight. */
  onSeen: (seq: number) => void
}

/** What is read is what was in sight of somebody who is there: the page visible, its window in front. */
export function useReading({ scroller, rows, inView, onSeen }: Reader): () => void {
  const visibility = useDocumentVisibility()
  const focused = useWindowFocus()

  function look(): void {
    if (visibility.value !== 'visible' || !focused.value || !inView()) return
    const frame = scroller.value?.getBoundingClientRect()
    if (!frame?.height) return
    const seq = lastSeen(rows(), frame.bottom + HIDDEN_FOOT_PX)
    if (seq) onSeen(seq)
  }

  watch([focused, visibility, inView], look, { flush: 'post' })
  return look
}

function lastSeen(rows: Iterable<HTMLElement>, edge: number): number {
  let seq = 0
  for (const row of rows) {
    if (row.getBoundingClientRect().bottom > edge) break
    seq = Number(row.dataset.seq) || seq
  }
  return seq
}
