import { expect, it } from 'vitest'
import { nameProblem, passwordProblem } from './rules'

const LIMITS = { name_chars_min: 3, name_chars_max: 32, password_chars_min: 8, password_chars_max: 128 }

it.each([
  'sam',
  'wang.xiaoming',
  '王小明',
  'a_b-c.9',
  'x'.repeat(32),
  'བོད་སྐད',
  'ᠮᠣᠩ\u180Bᠭ',
  'علی\u200Cرضا',
  '葛\u{E0100}城市',
])('takes %s as a name', name => expect(nameProblem(name, LIMITS)).toBe(false))
it.each(['', 'ab', 'two words', 'tab\there', 'x'.repeat(33), 'a@b'])('refuses %j as a name', name =>
  expect(nameProblem(name, LIMITS)).toBe(true),
)
it('counts the characters of a password, not their bytes', () => {
  expect(passwordProblem('1234567', LIMITS)).toBe(true)
  expect(passwordProblem('一二三四五六七八', LIMITS)).toBe(false)
  expect(passwordProblem('😀'.repeat(129), LIMITS)).toBe(true)
})
it('leaves everything to the server while its limits are not known', () => {
  expect(nameProblem('ab', undefined) || passwordProblem('1', undefined)).toBe(false)
})
