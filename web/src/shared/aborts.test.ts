// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { tolerateAborts } from './aborts'

tolerateAborts()

function isReported(reason: unknown): boolean {
  return dispatchEvent(Object.assign(new Event('unhandledrejection', { cancelable: true }), { reason }))
}

it('keeps silent about what the browser ended itself', () =>
  expect(isReported(new DOMException('', 'AbortError'))).toBe(false))
it.each([new TypeError('a fault'), undefined, 'text'])('lets everybody know of %s', reason =>
  expect(isReported(reason)).toBe(true),
)
