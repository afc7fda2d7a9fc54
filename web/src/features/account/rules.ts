import type { Settings } from '@/api'

/** What the server asks of a name and a password, told before the journey there. */

const length = (text: string) => [...text].length

type NameLimits = Pick<Settings, 'name_chars_min' | 'name_chars_max'>
type PasswordLimits = Pick<Settings, 'password_chars_min' | 'password_chars_max'>

export function nameProblem(name: string, limits: NameLimits | undefined): boolean {
  if (!limits) return false
  return (
    length(name) < limits.name_chars_min ||
    length(name) > limits.name_chars_max ||
    !/^[\p{L}\p{N}\p{M}_.-]+$/u.test(name)
  )
}

export function passwordProblem(password: string, limits: PasswordLimits | undefined): boolean {
  if (!limits) return false
  return length(password) < limits.password_chars_min || length(password) > limits.password_chars_max
}
