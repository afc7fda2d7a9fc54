/**
 * Whether there is something to see: no spaces, fillers, zero-width signs, controls, or marks without a letter. The
 * server follows the same rule and refuses names, titles and messages in which there is not.
 */
export function hasVisible(text: string): boolean {
  return /(?![\p{Default_Ignorable_Code_Point}\u2800\u{1D159}])[\p{L}\p{N}\p{P}\p{S}\p{Co}\p{Cn}]/u.test(text)
}

const [FIRST_STRONG_ISOLATE, POP_ISOLATE] = ['\u2068', '\u2069']

/** Somebody's words inside others: whichever way they are written, what stands around them keeps its order (UAX 9). */
export function isolated(words: string): string {
  return FIRST_STRONG_ISOLATE + words + POP_ISOLATE
}

/** Hebrew, Arabic and their neighbours, in the order of the code charts. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u

/** Whether a browser lets `dir="auto"` begin at the right: by the first letter. */
export function runsLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(/\p{L}/u.exec(text)?.[0] ?? '')
}
