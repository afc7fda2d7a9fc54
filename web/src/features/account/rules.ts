import type { Settings } from '@/api'

/** What the server asks of a name and a password, told before the journey there. */

const length = (text: string) => [...text].length

/** Letters, marks and digits, and what stands between the letters of a word in some script; the server knows the rest. */
const NAME = /^[\u200C\u200D\p{L}\p{N}\p{M}\u00B7\u058A\u05F3\u05F4\u0F0B\u180E\u30FB_.-]+$/u

type NameLimits = Pick<Settings, 'name_chars_min' | 'name_chars_max'>
type PasswordLimits = Pick<Settings, 'password_chars_min' | 'password_chars_max'>

export function nameProblem(name: string, limits: NameLimits | undefined): boolean {
  if (!limits) return false
  return length(name) < limits.name_chars_min || length(name) > limits.name_chars_max || !NAME.test(name)
}

export function passwordProblem(password: string, limits: PasswordLimits | undefined): boolean {
  if (!limits) return false
  return length(password) < limits.password_chars_min || length(password) > limits.password_chars_max
}
