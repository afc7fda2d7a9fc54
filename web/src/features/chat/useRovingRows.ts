import { useEventListener, useMutationObserver } from '@vueuse/core'
import { onMounted, type Ref } from 'vue'

const ROW = '[data-key]:not([data-key=unread])'
/** What can be done with one row; what waits for a decision stays within reach of Tab. */
const CONTROLS = 'a[href], button:not([role=alert] *)'

/**
 * Makes a list one stop of the Tab key however long it is (WAI-ARIA: roving focus). From the list, the arrows go from
 * row to row, Enter opens a row's menu, Tab goes through its controls.
 */
export function useRovingRows(scroller: Ref<HTMLElement | null>, content: Ref<HTMLElement | null>): void {
  let current: HTMLElement | undefined

  useMutationObserver(
    content,
    records => {
      for (const { addedNodes } of records) for (const node of addedNodes) if (node instanceof HTMLElement) settle(node)
    },
    { childList: true, subtree: true },
  )
  onMounted(() => content.value && settle(content.value))
  useEventListener(scroller, 'focusin', event =>
    move((event.target as HTMLElement).closest<HTMLElement>(ROW) ?? undefined),
  )
  useEventListener(
    scroller,
    'focusout',
    event => scroller.value?.contains(event.relatedTarget as Node | null) || move(undefined),
  )
  useEventListener(scroller, 'keydown', onKey)

  /** Only the controls of the row that has the focus can be reached by Tab. */
  function settle(part: HTMLElement): void {
    for (const row of part.matches(ROW) ? [part] : part.querySelectorAll<HTMLElement>(ROW)) row.tabIndex = -1
    for (const control of controls(part)) control.tabIndex = current?.contains(control) ? 0 : -1
  }

  function move(row: HTMLElement | undefined): void {
    if (row === current) return
    const before = current
    current = row
    for (const part of [before, row]) if (part) settle(part)
  }

  function onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement
    const row = target.closest<HTMLElement>(ROW)
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') go(row, event.key === 'ArrowDown' ? 1 : -1)
    else if (event.key === 'Enter' && row && target === row)
      row.querySelector<HTMLElement>('[aria-haspopup=menu]')?.click()
    else if (event.key === 'Escape' && row) scroller.value?.focus()
    else return
    event.preventDefault()
  }

  function go(row: HTMLElement | null, step: 1 | -1): void {
    const rows = [...(content.value?.querySelectorAll<HTMLElement>(ROW) ?? [])]
    const next = row ? rows[rows.indexOf(row) + step] : entry(rows)
    next?.focus({ preventScroll: true })
    next?.scrollIntoView({ block: 'nearest' })
  }

  /** Whoever comes from outside begins with the last row in sight. */
  function entry(rows: HTMLElement[]): HTMLElement | undefined {
    const edge = scroller.value?.getBoundingClientRect().bottom ?? 0
    return rows.findLast(row => row.getBoundingClientRect().bottom <= edge + 1) ?? rows.at(-1)
  }
}

function controls(part: HTMLElement): Iterable<HTMLElement> {
  return part.matches(CONTROLS) ? [part] : part.querySelectorAll<HTMLElement>(CONTROLS)
}
