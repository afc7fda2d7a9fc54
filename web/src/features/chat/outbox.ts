import type { ErrorBody, Millis, Uuid } from '@/api'
import { draftOf, isAttachment, type Content } from '@/features/content'
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

/**
 * Words go out in the order of writing, and so do attachments, however their uploads overtake each other. Words do
 * not wait for an upload that was begun before, unless both were sent together.
 */
export function nextToSend(items: readonly OutboxItem[], conversationId: Uuid): OutboxItem | undefined {
  const uploading = new Set<Uuid | undefined>()
  let [wordsWait, filesWait] = [false, false]
  for (const item of items) {
    if (item.conversationId !== conversationId || item.failure) continue
    if (!isAttachment(item.content)) {
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
  return items.filter(({ content, failure }) => isAttachment(content) && !content.fileId && !failure)
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
