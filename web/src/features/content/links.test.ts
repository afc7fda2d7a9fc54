import { expect, it } from 'vitest'
import { segmentsOf } from './links'

it('finds links in words of any script', () => {
  expect(segmentsOf('看 https://example.com/a?b=1。好')).toEqual([
    { text: '看 ' },
    { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' },
    { text: '。好' },
  ])
})
it('never makes a link that runs code', () => {
  expect(segmentsOf('javascript:alert(1)').some(s => s.href)).toBe(false)
})
it('keeps every character', () => {
  const text = '<b>x</b> www.example.com & a@b.example\n ftp://example.com'
  expect(
    segmentsOf(text)
      .map(s => s.text)
      .join(''),
  ).toBe(text)
})
