import type { Body, Draft, ErrorBody, Millis, Uuid } from '@/api'
import { wellFormed } from '@/api/text'
import { hasVisible } from '@/shared/text'

/** What has been written and is not yet acknowledged; it outlives the page. */
export interface OutboxItem {
  /** Makes every retry the same message, for the server and for the list. */
  readonly clientMsgId: Uuid
  readonly conversationId: Uuid
  readonly at: Millis
  readonly content: Content
  /** What was sent with one press of a button stays in order. */
  readonly batch?: Uuid
  /** The server refused it; only a person can decide to try again. */
  readonly failure?: Pick<ErrorBody, 'code' | 'message'>
}

export type Content =
  | { readonly kind: 'text'; readonly text: string }
  | (Attachment & { readonly kind: 'file' })
  | (Attachment & { readonly kind: 'image'; readonly width: number; readonly height: number })

export interface Attachment {
  readonly file: Blob
  readonly name: string
  readonly size: number
  readonly mime: string
  readonly caption?: string
  /** Where the upload goes on after a break. */
  readonly uploadUrl?: string
  /** Set once every byte is there. */
  readonly fileId?: Uuid
}

/**
 * Words go out in the order of writing, and so do attachments, however their uploads overtake each other. Words do
 * not wait for an upload that was begun before, unless both were sent together.
 */
export function nextToSend(items: readonly OutboxItem[], conversationId: Uuid): OutboxItem | undefined {
  const uploading = new Set<Uuid | undefined>()
  let [wordsWait, filesWait] = [false, false]
  for (const item of items) {
    if (item.conversationId !== conversationId || item.failure) continue
    if (item.content.kind === 'text') {
      wordsWait ||= item.batch !== undefined && uploading.has(item.batch)
      if (!wordsWait) return item
    } else {
      filesWait ||= !draftOf(item.content)
      if (!filesWait) return item
      uploading.add(item.batch)
    }
  }
}

/** Attachments with bytes still to go, oldest first. */
export function toUpload(items: readonly OutboxItem[]): OutboxItem[] {
  return items.filter(({ content, failure }) => content.kind !== 'text' && !content.fileId && !failure)
}

/** What is said to the server, once it can be said. */
export function draftOf(content: Content): Draft | undefined {
  if (content.kind === 'text') return { type: 'text', text: content.text }
  if (!content.fileId) return undefined
  return { type: content.kind, file_id: content.fileId, ...(content.caption ? { caption: content.caption } : {}) }
}

/** The body as the server will tell it, from what is known here. */
export function bodyOf(content: Content): Body {
  if (content.kind === 'text') return { type: 'text', text: content.text }
  const { name, size, mime, caption } = content
  const file = { file_id: content.fileId ?? '', name, size, mime, ...(caption ? { caption } : {}) }
  return content.kind === 'image'
    ? { type: 'image', ...file, width: content.width, height: content.height }
    : { type: 'file', ...file }
}

export function replaced(items: readonly OutboxItem[], item: OutboxItem): OutboxItem[] {
  return items.map(there => (there.clientMsgId === item.clientMsgId ? item : there))
}

export function without(items: readonly OutboxItem[], clientMsgId: Uuid): OutboxItem[] {
  return items.filter(item => item.clientMsgId !== clientMsgId)
}

/** Cuts a text that is longer than a message may be, at the ends of lines or words where there are any. */
export function pieces(text: string, max = Infinity): string[] {
  const characters = [...text.trim()]
  const found: string[] = []
  while (characters.length > max) {
    const head = characters.slice(0, max)
    const cut = Math.max(head.lastIndexOf('\n'), head.lastIndexOf(' '))
    found.push(
      characters
        .splice(0, cut > max / 2 ? cut : max)
        .join('')
        .trim(),
    )
    while (/^\s$/.test(characters[0] ?? '')) characters.shift()
  }
  return characters.length && hasVisible(text) ? [...found, characters.join('')] : found
}

/** As it can be said to others. */
export function sayable(content: Content): Content {
  if (content.kind === 'text') return { ...content, text: wellFormed(content.text) }
  return {
    ...content,
    name: wellFormed(content.name),
    ...(content.caption ? { caption: wellFormed(content.caption) } : {}),
  }
}
