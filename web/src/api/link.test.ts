import { describe, expect, it } from 'vitest'
import { afterClose, judge, NOTHING, openingFrame, waitMs, type Memory } from './link'

const welcome = (n: number, recovered: boolean) => ({ type: 'welcome' as const, n, socket_id: 's1', recovered })
const frame = (n: number) => ({ type: 'message' as const, n })

describe('opening', () => {
  it('says hello when nothing is remembered', () => {
    expect(openingFrame(NOTHING, 'zh')).toEqual({ type: 'hello', lang: 'zh' })
  })

  it('resumes with the newest number it has handled', () => {
    expect(openingFrame({ socketId: 's1', n: 7 }, 'en')).toEqual({ type: 'resume', socket_id: 's1', n: 7, lang: 'en' })
  })
})

describe('frame numbers', () => {
  const live: Memory = { socketId: 's1', n: 3 }

  it('start anew with a welcome that recovered nothing', () => {
    expect(judge({ socketId: 'old', n: 90 }, welcome(1, false))).toEqual([{ socketId: 's1', n: 1 }, 'deliver'])
  })

  it('go on after a recovery, so that the missed frames count', () => {
    const [memory] = judge(live, welcome(9, true))
    expect(judge(memory, frame(4))[1]).toBe('deliver')
  })

  it('deliver the next frame, once', () => {
    const [memory, verdict] = judge(live, frame(4))
    expect(verdict).toBe('deliver')
    expect(judge(memory, frame(4))[1]).toBe('ignore')
  })

  it('start over when one is missing', () => {
    expect(judge(live, frame(6))).toEqual([NOTHING, 'restart'])
  })
})

describe('after a close', () => {
  it.each([1001, 1006, 1009, 1012, 4001])('%i resumes', code => expect(afterClose(code)).toBe('resume'))
  it.each([4400, 4408, 4409])('%i stays away', code => expect(afterClose(code)).toBe('stop'))
  it('4000 starts fresh', () => expect(afterClose(4000)).toBe('fresh'))
  it('4401 looks at the login first', () => expect(afterClose(4401)).toBe('authenticate'))
})

describe('waiting', () => {
  it.each([
    [false, 4000],
    [true, 20_000],
  ])('with the page hidden: %s, grows to a bound and never falls under half of it', (hidden, bound) => {
    for (let attempt = 0; attempt < 40; attempt++) {
      expect(waitMs(attempt, hidden, () => 0)).toBeLessThanOrEqual(bound)
      expect(waitMs(attempt, hidden, () => 1)).toBeGreaterThanOrEqual(200)
    }
    expect(waitMs(3, hidden, () => 0)).toBeGreaterThan(waitMs(2, hidden, () => 0))
    expect(waitMs(40, hidden, () => 0)).toBe(bound)
  })
})
