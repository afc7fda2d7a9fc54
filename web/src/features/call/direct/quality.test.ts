import { describe, expect, it } from 'vitest'
import { rate, Steady, type Sample } from './quality'

const start: Sample = {
  packetsReceived: 1000,
  packetsLost: 5,
  uploadLoss: 0,
  rttMs: 40,
  framesDecoded: 0,
  uploadLimited: false,
}
const later = (more: Partial<Sample>): Sample => ({ ...start, packetsReceived: 1200, ...more })

describe('rate', () => {
  it('is good when packets arrive', () => expect(rate(start, later({}))).toBe('good'))
  it('sees loss on the way in', () => expect(rate(start, later({ packetsLost: 45 }))).toBe('download_weak'))
  it('ignores loss among a handful of packets', () =>
    expect(rate(start, later({ packetsReceived: 1004, packetsLost: 9 }))).toBe('good'))
  it('sees loss on the way out', () => expect(rate(start, later({ uploadLoss: 0.2 }))).toBe('upload_weak'))
  it('sees a long way', () => expect(rate(start, later({ rttMs: 900 }))).toBe('slow'))
})

describe('Steady', () => {
  it('needs the same judgement twice before it tells', () => {
    const steady = new Steady()
    expect(
      ['upload_weak', 'good', 'upload_weak', 'upload_weak', 'good', 'good'].map(q => steady.hear(q as 'good')),
    ).toEqual(['good', 'good', 'good', 'upload_weak', 'upload_weak', 'good'])
  })
})
