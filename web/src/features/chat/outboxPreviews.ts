import type { Message, Uuid } from '@/api'
import { fileOf, isAttachment, isPicture } from '@/features/content'
import type { OutboxItem } from './outbox'

/** Addresses of pictures here in the browser, so that nobody waits for their own image. */
export function useOutboxPreviews() {
  const urls = new Map<Uuid, string>()

  function previewOf({ clientMsgId, content }: OutboxItem): string {
    const there = urls.get(clientMsgId)
    if (there || !isAttachment(content)) return there ?? ''
    const url = URL.createObjectURL(content.file)
    urls.set(clientMsgId, url)
    return url
  }

  /** The message of this item has come to be, and shows the same picture. */
  function keep(item: OutboxItem): void {
    if (isPicture(item.content)) urls.set(item.content.fileId!, previewOf(item))
  }

  return {
    previewOf,
    keep,
    /** The picture of a message that was sent from this page. */
    localImage: (body: Message['body']) => urls.get(fileOf(body)?.id ?? ''),
  }
}
