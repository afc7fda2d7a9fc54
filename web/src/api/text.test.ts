import { expect, it } from 'vitest'
import { toJson, wellFormed } from './text'

const BROKEN = ['\ud83d', '\ude00', 'a\ud83db', '\ude00\ud83d', '😀\ud83d', '\ud83d😀', '\udbff\udbff\udfff']

it.each(BROKEN)('makes %j something that every reader understands', text => {
  const whole = wellFormed(text)
  expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(whole)
  expect(decodeURIComponent(encodeURIComponent(whole))).toBe(whole)
})

it.each(['', 'plain', '😀👩‍👩‍👧‍👦', 'กำ เชียงใหม่', '\u2068שלום\u2069'])('leaves %j alone', text =>
  expect(wellFormed(text)).toBe(text),
)

it('says well-formed JSON only, wherever the text stands', () => {
  expect(toJson({ nickname: '\ud83d', body: { texts: ['ok', '\ude00'] }, n: 1, none: undefined })).toBe(
    '{"nickname":"\uFFFD","body":{"texts":["ok","\uFFFD"]},"n":1}',
  )
})
