/** How many colours people without a picture are told apart by: `--face-n` and `--name-n`. */
const HUES = 7

/** The same person has the same colour everywhere. */
export function hueOf(id: string): number {
  return [...id].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7) % HUES
}
