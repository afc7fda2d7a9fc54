import { expect, it } from 'vitest'
import { hasVisible, runsLeft, toJson, wellFormed } from './text'

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

it.each(['שלום', '(1) سلام', '😀 שלום, hello', 'ދިވެހި', '𐤀𐤁'])('%s begins at the right', text =>
  expect(runsLeft(text)).toBe(true),
)
it.each(['hello שלום', '(1)', '', '你好', 'สวัสดี', '😀'])('%s begins at the left', text =>
  expect(runsLeft(text)).toBe(false),
)
it.each(['a', '李', 'ไ', '🙂', '½', '.', ' \u0301e'])('sees something in %j', text =>
  expect(hasVisible(text)).toBe(true),
)

it.each([
  '',
  ' \n\t',
  '\u200b\u200d',
  '\ufeff',
  '\u3164\u115f\uffa0',
  '\u0301\u0302',
  '\ufe0f',
  '\u202e\u2066',
  '\u2800',
  '\u00ad\u3000',
])('sees nothing in %j', text => expect(hasVisible(text)).toBe(false))
