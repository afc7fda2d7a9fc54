/**
 * Text that UTF-8 can carry: half a surrogate, as a key or a cut can leave it, becomes U+FFFD. What is not well-formed
 * is no JSON for the server, and nobody could be shown it.
 */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD')
}

/** JSON whose every text is well-formed. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? wellFormed(part) : part))
}
