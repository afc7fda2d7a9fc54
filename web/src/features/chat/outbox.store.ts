import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { ApiError, socket, type Ack, type Message, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { bodyOf, draftOf, sayable, type Content } from '@/features/content'
import { useConversations } from '@/features/conversations'
import { serverNow } from '@/shared/useNow'
import { randomUuid } from '@/shared/uuid'
import { useChat } from './chat.store'
import { nextToSend, type OutboxItem } from './outbox'
import { useOutboxItems, type OutboxItems } from './outboxItems'
import { useOutboxPreviews } from './outboxPreviews'
import { useOutboxUploads } from './outboxUploads'

/** Until the next try after the server was silent or busy; a reconnect tries at once. */
const RETRY_MS = 3000
/** Tries that no answer came to while there was a connection; then others go first, and a person decides. */
const SILENT_TRIES_MAX = 5
/** From this many tries on one may give up. */
const STUCK_AFTER_TRIES = 3

/** Sends what has been written, in order, however often the connection or the page goes away meanwhile. */
export const useOutbox = defineStore('outbox', () => {
  const account = useAccount()
  const kept = useOutboxItems()
  const { items } = kept
  const previews = useOutboxPreviews()
  const uploads = useOutboxUploads({ kept, onFree: pumpAll, onFailed: refused })
  const sender = useSender(kept, { onSent: accept, onFailed: refused })
  const { accepted } = useAcceptance()

  socket.on('welcome', () => pumpAll())
  account.whenLeaving(() => {
    uploads.cancelAll()
    kept.forget()
  })

  async function restore(): Promise<void> {
    await kept.restore(account.me!.id)
    pumpAll()
  }

  function add(conversationId: Uuid, ...contents: Content[]): void {
    kept.add(itemsOf(conversationId, contents))
    pumpAll()
  }

  function retry(clientMsgId: Uuid): void {
    const item = kept.find(clientMsgId)
    if (!item) return
    sender.tries.delete(clientMsgId)
    kept.put({ ...item, failure: undefined })
    pumpAll()
  }

  function discard(clientMsgId: Uuid): void {
    uploads.cancel(clientMsgId)
    drop(clientMsgId)
  }

  function pumpAll(): void {
    uploads.start()
    sender.pumpAll()
  }

  function accept(item: OutboxItem, ack: Ack): void {
    previews.keep(item)
    accepted(item, ack)
    drop(item.clientMsgId)
  }

  /** A refusal is shown on the bubble; silence and "busy" are tried again. */
  function refused(item: OutboxItem, error: unknown): boolean {
    if (error instanceof ApiError && !error.retryable) {
      kept.put({ ...item, failure: { code: error.code, message: error.message } })
      return true
    }
    setTimeout(pumpAll, (error instanceof ApiError && error.retryAfterMs) || RETRY_MS)
    return false
  }

  function drop(clientMsgId: Uuid): void {
    kept.drop(clientMsgId)
    sender.tries.delete(clientMsgId)
  }

  const { progress } = uploads
  const { previewOf, localImage } = previews
  const countIn = (conversationId: Uuid) => items.value.filter(item => item.conversationId === conversationId).length
  const isStuck = (clientMsgId: Uuid) => (sender.tries.get(clientMsgId) ?? 0) >= STUCK_AFTER_TRIES
  return { items, progress, restore, add, retry, discard, previewOf, localImage, countIn, isStuck }
})

/** Several at once stay in order. */
function itemsOf(conversationId: Uuid, contents: readonly Content[]): OutboxItem[] {
  const batch = contents.length > 1 ? { batch: randomUuid() } : {}
  return contents.map(content => ({
    clientMsgId: randomUuid(),
    conversationId,
    at: serverNow(),
    content: sayable(content),
    ...batch,
  }))
}

interface Sender {
  onSent: (item: OutboxItem, ack: Ack) => void
  /** Whether it was refused for good, so that the next one may go. */
  onFailed: (item: OutboxItem, error: unknown) => boolean
}

/** Says what can be said, one message of a conversation after the other. */
function useSender(kept: OutboxItems, { onSent, onFailed }: Sender) {
  const sending = new Set<Uuid>()
  /** How often each has been said in vain. */
  const tries = reactive(new Map<Uuid, number>())

  function pumpAll(): void {
    for (const id of new Set(kept.items.value.map(item => item.conversationId))) void pump(id)
  }

  async function pump(conversationId: Uuid): Promise<void> {
    if (sending.has(conversationId)) return
    sending.add(conversationId)
    try {
      for (;;) {
        const item = nextToSend(kept.items.value, conversationId)
        if (!item || socket.state.value !== 'live' || !(await send(item))) return
      }
    } finally {
      sending.delete(conversationId)
    }
  }

  /** Whether the next one may go. */
  async function send(item: OutboxItem): Promise<boolean> {
    const { conversationId: conversation_id, clientMsgId: client_msg_id, content } = item
    try {
      onSent(item, await socket.request({ type: 'send', conversation_id, client_msg_id, body: draftOf(content)! }))
      return true
    } catch (error) {
      return inVain(item, error) || onFailed(item, error)
    }
  }

  /** Whether nothing comes of it however often it is said: then it does not hold the others up. */
  function inVain(item: OutboxItem, error: unknown): boolean {
    const said = (tries.get(item.clientMsgId) ?? 0) + 1
    tries.set(item.clientMsgId, said)
    if (!(error instanceof ApiError) || error.code !== 'offline' || said < SILENT_TRIES_MAX) return false
    kept.put({ ...item, failure: { code: error.code, message: '' } })
    return true
  }

  return { tries, pumpAll }
}

/** What was acknowledged is a message like any other, without being told back. */
function useAcceptance() {
  const account = useAccount()
  const conversations = useConversations()
  const chat = useChat()

  function accepted({ clientMsgId, content }: OutboxItem, ack: Ack): void {
    const message: Message = {
      id: ack.msg_id,
      conversation_id: ack.conversation_id,
      seq: ack.seq,
      ver: ack.ver,
      at: ack.at,
      sender_id: account.me!.id,
      client_msg_id: clientMsgId,
      body: bodyOf(content),
    }
    chat.hear(message)
    void conversations.hear(message)
  }

  return { accepted }
}
