import { reactive } from 'vue'
import type { Uuid } from '@/api'
import { isAttachment } from '@/features/content'
import { toUpload, type OutboxItem } from './outbox'
import type { OutboxItems } from './outboxItems'
import { upload, type Running } from './upload'

/** Two uploads at a time: more would only slow each other. */
const UPLOADS_AT_ONCE = 2

interface Uploads {
  kept: OutboxItems
  /** One of them has ended, and others may go on. */
  onFree: () => void
  /** Whether it was refused for good; else it is tried again later. */
  onFailed: (item: OutboxItem, error: unknown) => boolean
}

/** Brings the files of messages to the server. */
export function useOutboxUploads({ kept, onFree, onFailed }: Uploads) {
  /** Share of the bytes that are there, by `clientMsgId`. */
  const progress = reactive(new Map<Uuid, number>())
  const running = new Map<Uuid, Running>()

  function start(): void {
    for (const item of toUpload(kept.items.value)) {
      if (running.size >= UPLOADS_AT_ONCE) return
      if (!running.has(item.clientMsgId)) void run(item)
    }
  }

  async function run({ clientMsgId: id, content }: OutboxItem): Promise<void> {
    if (!isAttachment(content)) return
    const one = upload(content, {
      onUrl: uploadUrl => amend(id, { uploadUrl }),
      onProgress: share => progress.set(id, share),
    })
    running.set(id, one)
    const goOn = await one.done.then(
      fileId => (amend(id, { fileId }), true),
      error => failed(id, error),
    )
    running.delete(id)
    progress.delete(id)
    if (goOn) onFree()
  }

  function failed(clientMsgId: Uuid, error: unknown): boolean {
    const item = kept.find(clientMsgId)
    return !item || onFailed(item, error)
  }

  function amend(clientMsgId: Uuid, change: { uploadUrl: string } | { fileId: Uuid }): void {
    const item = kept.find(clientMsgId)
    if (item && isAttachment(item.content)) kept.put({ ...item, content: { ...item.content, ...change } })
  }

  return {
    progress,
    start,
    cancel: (clientMsgId: Uuid) => running.get(clientMsgId)?.cancel(),
    cancelAll: () => running.forEach(one => one.cancel()),
  }
}
