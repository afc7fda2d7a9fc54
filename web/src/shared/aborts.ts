/**
 * What the browser itself has ended, because the page or the part that asked is gone, is no failure: nobody waits for
 * it any more. Firefox tells so of media, locks and databases, often to libraries that do not listen.
 */
export function tolerateAborts(): void {
  addEventListener('unhandledrejection', event => {
    if (event.reason?.name === 'AbortError') event.preventDefault()
  })
}
