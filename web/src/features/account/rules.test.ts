import { expect, it } from 'vitest'
import { nameProblem, passwordProblem } from './rules'

it.each(['sam', 'wang.xiaoming', '王小明', 'a_b-c.9', 'x'.repeat(32)])('takes %s as a name', name => expect(nameProblem(name)).toBe(false))
it.each(['', 'ab', 'two words', 'tab\there', 'x'.repeat(33), 'a@b'])('refuses %j as a name', name => expect(nameProblem(name)).toBe(true))
it('wants 8 to 128 characters of password, counting characters', () => {
  expect(passwordProblem('1234567')).toBe(true)
  expect(passwordProblem('一二三四五六七八')).toBe(false)
  expect(passwordProblem('😀'.repeat(129))).toBe(true)
})
