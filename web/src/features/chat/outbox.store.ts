import { del, set, values, type UseStore } from 'idb-keyval'
import { defineStore } from 'pinia'
import { reactive, shallowRef } from 'vue'
import { ApiError, socket, type Ack, type Message, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { useConversations } from '@/features/conversations'
import { personalStore } from '@/shared/personal'
import { serverNow } from '@/shared/useNow'
import { randomUuid } from '@/shared/uuid'
import { useChat } from './chat.store'
import {
  bodyOf,
  draftOf,
  nextToSend,
  replaced,
  sayable,
  toUpload,
  without,
  type Content,
  type OutboxItem,
} from './outbox'
import { upload, type Running } from './upload'

/** Two uploads at a time: more would only slow each other. */
const UPLOADS_AT_ONCE = 2
/** Until the next try after the server was silent or busy; a reconnect tries at once. */
const RETRY_MS = 3000
/** Tries that no answer came to while there was a connection; then others go first, and a person decides. */
const SILENT_TRIES_MAX = 5
/** From this many tries on one may give up. */
const STUCK_AFTER_TRIES = 3

/** Sends what has been written, in order, however often the connection or the page goes away meanwhile. */
export const useOutbox = defineStore('outbox', () => {
  const account = useAccount()
  const conversations = useConversations()
  const chat = useChat()
  const items = shallowRef<OutboxItem[]>([])
  /** Share of the bytes that are there, by `clientMsgId`. */
  const progress = reactive(new Map<Uuid, number>())
  const uploads = new Map<Uuid, Running>()
  const sending = new Set<Uuid>()
  const previews = new Map<Uuid, string>()
  /** How often each has been said in vain. */
  const tries = reactive(new Map<Uuid, number>())
  let disk: UseStore | undefined

  socket.on('welcome', () => pumpAll())
  account.whenLeaving(forget)

  /** Takes up what an earlier page has left behind. */
  async function restore(): Promise<void> {
    disk = personalStore('outbox', account.me!.id)
    const left = await values<OutboxItem>(disk).catch(() => [])
    const known = new Set(items.value.map(item => item.clientMsgId))
    items.value = [...left.filter(item => !known.has(item.clientMsgId)), ...items.value].sort((a, b) => a.at - b.at)
    pumpAll()
  }

  /** Several at once stay in order. */
  function add(conversationId: Uuid, ...contents: Content[]): void {
    const batch = contents.length > 1 ? { batch: randomUuid() } : {}
    const added = contents.map((content): OutboxItem => ({
      clientMsgId: randomUuid(),
      conversationId,
      at: serverNow(),
      content: sayable(content),
      ...batch,
    }))
    items.value = [...items.value, ...added]
    added.forEach(save)
    pumpAll()
  }

  function retry(clientMsgId: Uuid): void {
    const item = find(clientMsgId)
    if (!item) return
    tries.delete(clientMsgId)
    put({ ...item, failure: undefined })
    pumpAll()
  }

  function discard(clientMsgId: Uuid): void {
    uploads.get(clientMsgId)?.cancel()
    drop(clientMsgId)
  }

  function pumpAll(): void {
    startUploads()
    for (const id of new Set(items.value.map(item => item.conversationId))) void pump(id)
  }

  async function pump(conversationId: Uuid): Promise<void> {
    if (sending.has(conversationId)) return
    sending.add(conversationId)
    try {
      for (;;) {
        const item = nextToSend(items.value, conversationId)
        if (!item || socket.state.value !== 'live' || !(await send(item))) return
      }
    } finally {
      sending.delete(conversationId)
    }
  }

  /** Whether the next one may go. */
  async function send(item: OutboxItem): Promise<boolean> {
    try {
      const ack = await socket.request({
        type: 'send',
        conversation_id: item.conversationId,
        client_msg_id: item.clientMsgId,
        body: draftOf(item.content)!,
      })
      accept(item, ack)
      return true
    } catch (error) {
      return inVain(item, error) || refused(item, error)
    }
  }

  /** Whether nothing comes of it however often it is said: then it does not hold the others up. */
  function inVain(item: OutboxItem, error: unknown): boolean {
    const said = (tries.get(item.clientMsgId) ?? 0) + 1
    tries.set(item.clientMsgId, said)
    if (!(error instanceof ApiError) || error.code !== 'offline' || said < SILENT_TRIES_MAX) return false
    put({ ...item, failure: { code: error.code, message: '' } })
    return true
  }

  function accept(item: OutboxItem, ack: Ack): void {
    const message: Message = {
      id: ack.msg_id,
      conversation_id: ack.conversation_id,
      seq: ack.seq,
      ver: ack.ver,
      at: ack.at,
      sender_id: account.me!.id,
      client_msg_id: item.clientMsgId,
      body: bodyOf(item.content),
    }
    if (item.content.kind === 'image') previews.set(item.content.fileId!, previewOf(item))
    chat.hear(message)
    void conversations.hear(message)
    drop(item.clientMsgId)
  }

  /** A refusal is shown on the bubble; silence and "busy" are tried again. */
  function refused(item: OutboxItem, error: unknown): boolean {
    if (error instanceof ApiError && !error.retryable) {
      put({ ...item, failure: { code: error.code, message: error.message } })
      return true
    }
    setTimeout(pumpAll, (error instanceof ApiError && error.retryAfterMs) || RETRY_MS)
    return false
  }

  function startUploads(): void {
    for (const item of toUpload(items.value)) {
      if (uploads.size >= UPLOADS_AT_ONCE) return
      if (!uploads.has(item.clientMsgId)) void runUpload(item)
    }
  }

  async function runUpload(item: OutboxItem): Promise<void> {
    if (item.content.kind === 'text') return
    const id = item.clientMsgId
    const running = upload(item.content, {
      onUrl: uploadUrl => amend(id, { uploadUrl }),
      onProgress: share => progress.set(id, share),
    })
    uploads.set(id, running)
    const goOn = await running.done.then(
      fileId => (amend(id, { fileId }), true),
      error => refusedUpload(id, error),
    )
    uploads.delete(id)
    progress.delete(id)
    if (goOn) pumpAll()
  }

  function refusedUpload(clientMsgId: Uuid, error: unknown): boolean {
    const item = find(clientMsgId)
    return !item || refused(item, error)
  }

  function amend(clientMsgId: Uuid, change: { uploadUrl: string } | { fileId: Uuid }): void {
    const item = find(clientMsgId)
    if (item && item.content.kind !== 'text') put({ ...item, content: { ...item.content, ...change } })
  }

  /** Nothing more is kept on this device. */
  function forget(): void {
    disk = undefined
    uploads.forEach(running => running.cancel())
    items.value = []
  }

  function put(item: OutboxItem): void {
    items.value = replaced(items.value, item)
    save(item)
  }

  function drop(clientMsgId: Uuid): void {
    items.value = without(items.value, clientMsgId)
    tries.delete(clientMsgId)
    if (disk) void del(clientMsgId, disk).catch(() => {})
  }

  // A browser that keeps nothing (private windows) still sends; only a reload would forget.
  function save(item: OutboxItem): void {
    if (disk) void set(item.clientMsgId, item, disk).catch(() => {})
  }

  function find(clientMsgId: Uuid): OutboxItem | undefined {
    return items.value.find(item => item.clientMsgId === clientMsgId)
  }

  /** An address of the picture here in the browser, so that nobody waits for their own image. */
  function previewOf({ clientMsgId, content }: OutboxItem): string {
    const there = previews.get(clientMsgId)
    if (there || content.kind === 'text') return there ?? ''
    const url = URL.createObjectURL(content.file)
    previews.set(clientMsgId, url)
    return url
  }

  return {
    items,
    progress,
    restore,
    add,
    retry,
    discard,
    previewOf,
    countIn: (conversationId: Uuid) => items.value.filter(item => item.conversationId === conversationId).length,
    isStuck: (clientMsgId: Uuid) => (tries.get(clientMsgId) ?? 0) >= STUCK_AFTER_TRIES,
    /** The picture of a file that was sent from this page. */
    localImage: (fileId: Uuid) => previews.get(fileId),
  }
})
