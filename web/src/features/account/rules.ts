/** What the server asks of a name and a password, told before the journey there. */

const length = (text: string) => [...text].length

export function nameProblem(name: string): boolean {
  return length(name) < 3 || length(name) > 32 || !/^[\p{L}\p{N}\p{M}_.-]+$/u.test(name)
}

export function passwordProblem(password: string): boolean {
  return length(password) < 8 || length(password) > 128
}
