import { LinkifyIt } from 'linkify-it'

interface Segment {
  text: string
  href?: string
}

const linkify = new LinkifyIt()
const SAFE = /^(https?|mailto):/i

/** A text cut into plain parts and links; joined, the parts are the text. */
export function segmentsOf(text: string): Segment[] {
  const segments: Segment[] = []
  let done = 0
  for (const match of linkify.match(text) ?? []) {
    if (!SAFE.test(match.url)) continue
    if (match.index > done) segments.push({ text: text.slice(done, match.index) })
    segments.push({ text: match.raw, href: match.url })
    done = match.lastIndex
  }
  if (done < text.length) segments.push({ text: text.slice(done) })
  return segments
}
