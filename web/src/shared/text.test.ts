import { expect, it } from 'vitest'
import { hasVisible, runsLeft } from './text'

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
