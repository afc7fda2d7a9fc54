import type { Body, Draft, ErrorBody, Millis, Uuid } from '@/api'

/** What has been written and is not yet acknowledged; it outlives the page. */
export interface OutboxItem {
  /** Makes every retry the same message, for the server and for the list. */
  readonly clientMsgId: Uuid
  readonly conversationId: Uuid
  readonly at: Millis
  readonly content: Content
  /** The server refused it; only a person can decide to try again. */
  readonly failure?: Pick<ErrorBody, 'code' | 'message'>
}

export type Content =
  | { readonly kind: 'text', readonly text: string }
  | Attachment & { readonly kind: 'file' }
  | Attachment & { readonly kind: 'image', readonly width: number, readonly height: number }

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

/** The words of one conversation go out one by one in order; an upload on its way holds nobody up. */
export function nextToSend(items: readonly OutboxItem[], conversationId: Uuid): OutboxItem | undefined {
  return items.find(item => item.conversationId === conversationId && !item.failure && draftOf(item.content))
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
  return content.kind === 'image' ? { type: 'image', ...file, width: content.width, height: content.height } : { type: 'file', ...file }
}

export function replaced(items: readonly OutboxItem[], item: OutboxItem): OutboxItem[] {
  return items.map(there => (there.clientMsgId === item.clientMsgId ? item : there))
}

export function without(items: readonly OutboxItem[], clientMsgId: Uuid): OutboxItem[] {
  return items.filter(item => item.clientMsgId !== clientMsgId)
}

/** Longest text the server takes, in characters. */
export const TEXT_MAX = 8000

/** Cuts a long text where the server's limit is, at the ends of lines or words where there are any. */
export function pieces(text: string): string[] {
  const characters = [...text.trim()]
  const found: string[] = []
  while (characters.length > TEXT_MAX) {
    const head = characters.slice(0, TEXT_MAX)
    const cut = Math.max(head.lastIndexOf('\n'), head.lastIndexOf(' '))
    found.push(characters.splice(0, cut > TEXT_MAX / 2 ? cut : TEXT_MAX).join('').trim())
    while (/^\s$/.test(characters[0] ?? '')) characters.shift()
  }
  return characters.length ? [...found, characters.join('')] : found
}
