// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import { useAttempt } from './useAttempt'

describe('an attempt', () => {
  it('says what went wrong until the next one', async () => {
    const { problem, attempt } = useAttempt()
    await attempt(() => Promise.reject(new Error('broken')))
    expect(problem.value).not.toBe('')
    await attempt(() => Promise.resolve())
    expect(problem.value).toBe('')
  })

  it('is made once at a time', async () => {
    const { busy, attempt } = useAttempt()
    let [made, finish] = [0, () => {}]
    const act = () =>
      new Promise<void>(resolve => {
        made += 1
        finish = resolve
      })
    const first = attempt(act)
    await attempt(act)
    expect([busy.value, made]).toEqual([true, 1])
    finish()
    await first
    expect(busy.value).toBe(false)
  })
})
