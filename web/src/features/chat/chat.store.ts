import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api, socket, type Conversation, type Message, type Uuid } from '@/api'
import { useConversations } from '@/features/conversations'
import {
  behind,
  caughtUp,
  EMPTY,
  gaps,
  opened,
  trimmed,
  withChange,
  withMessage,
  withNewer,
  withOlder,
  type Page,
  type Timeline,
} from './timeline'

/** What is being read beside what is there. */
type Extension = 'older' | 'newer' | 'end'

interface Thread {
  readonly timeline: Timeline
  readonly loading?: 'first' | Extension
  /** The first page could not be read. */
  readonly failed?: boolean
  /** Something may be missing: catch up before it is shown again. */
  readonly stale?: boolean
}

/** A part of a history; without `before_seq` and `after_seq` its end. */
interface Span {
  before_seq?: number
  after_seq?: number
  limit: number
}

const PAGE = 50
const PAGE_MAX = 100
/** What was read before the unread ones, so that one finds one's place. */
const CONTEXT = 20
const CHANGES_PAGE = 100
/** Further behind than this, the newest page is less to read than all that happened. */
const CATCH_UP_MAX = 500
/** Frames of one moment may cross; only what is still missing after this is asked for. */
const PATIENCE_MS = 300
/** What a conversation that is left keeps in memory. */
const KEEP = 100

/** The history of the conversations that have been looked at, kept current for switching back at once. */
export const useChat = defineStore('chat', () => {
  const conversations = useConversations()
  const threads = shallowReactive(new Map<Uuid, Thread>())
  const catching = new Map<Uuid, Promise<void>>()
  let shown: Uuid | undefined

  socket.on('welcome', frame => {
    if (!frame.recovered) distrust()
  })
  socket.on('sync', distrust)
  socket.on('message', frame => hear(frame.message))
  socket.on('change', ({ conversation_id, change }) =>
    update(conversation_id, timeline => withChange(timeline, change)),
  )
  socket.on('conversation_removed', frame => threads.delete(frame.conversation_id))

  /** Takes in a durable message: heard in a frame, or acknowledged. */
  function hear(message: Message): void {
    update(message.conversation_id, timeline => withMessage(timeline, message))
  }

  function update(id: Uuid, step: (timeline: Timeline) => Timeline): void {
    const thread = threads.get(id)
    if (!thread) return
    const timeline = step(thread.timeline)
    threads.set(id, { ...thread, timeline })
    if (thread.loading !== 'first' && behind(timeline)) setTimeout(() => heal(id), PATIENCE_MS)
  }

  function heal(id: Uuid): void {
    const thread = threads.get(id)
    if (thread && behind(thread.timeline)) void catchUp(id)
  }

  /** Shows a conversation: from memory at once, brought up to date behind it. */
  async function open(id: Uuid): Promise<void> {
    shown = id
    const thread = threads.get(id)
    if (!thread || thread.failed) await load(id)
    else if (thread.stale) await catchUp(id)
  }

  function close(id: Uuid): void {
    if (shown === id) shown = undefined
    const thread = threads.get(id)
    if (!thread || thread.loading) return
    // Next time begins at the end again, or at what is unread then.
    if (thread.timeline.end) threads.set(id, { ...thread, timeline: trimmed(thread.timeline, KEEP) })
    else threads.delete(id)
  }

  async function load(id: Uuid): Promise<void> {
    // The thread is there before its page is read, so that what is said meanwhile is kept.
    threads.set(id, { timeline: EMPTY, loading: 'first' })
    try {
      const conversation = conversations.byId(id) ?? (await conversations.fetchOne(id))
      const page = await read(id, placeOf(conversation))
      const heard = threads.get(id)?.timeline ?? EMPTY
      threads.set(id, { timeline: heard.messages.reduce(withMessage, opened(page, conversation?.last_ver ?? 0)) })
      if (behind(heard)) await catchUp(id)
    } catch {
      threads.set(id, { timeline: EMPTY, failed: true })
    }
  }

  /** Where to begin: at the end if the first unread message is near it, else at that message. */
  function placeOf({ unread = 0, read_seq = 0 }: Partial<Conversation> = {}): Span {
    if (unread + CONTEXT <= PAGE_MAX) return { limit: Math.max(PAGE, unread + CONTEXT) }
    return { after_seq: Math.max(0, read_seq - CONTEXT), limit: PAGE_MAX }
  }

  function read(id: Uuid, span: Span): Promise<Page> {
    return api.get('/conversations/{id}/messages', { params: { path: { id }, query: span } })
  }

  /** Whether there is more now than before. A page that something else has overtaken is dropped. */
  async function extend(
    id: Uuid,
    loading: Extension,
    span: Span,
    joined: (timeline: Timeline, page: Page) => Timeline,
  ): Promise<boolean> {
    threads.set(id, { ...threads.get(id)!, loading })
    const page = await read(id, span).catch(() => undefined)
    const now = threads.get(id)
    if (now?.loading !== loading) return false
    threads.set(id, { ...now, loading: undefined, timeline: page ? joined(now.timeline, page) : now.timeline })
    return page !== undefined
  }

  async function loadOlder(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    const first = thread?.timeline.messages[0]?.seq
    if (!thread || thread.loading || thread.timeline.start || !first) return false
    return extend(id, 'older', { before_seq: first, limit: PAGE }, withOlder)
  }

  async function loadNewer(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    if (!thread || thread.loading || thread.timeline.end) return false
    const after_seq = thread.timeline.messages.at(-1)?.seq ?? 0
    return extend(id, 'newer', { after_seq, limit: PAGE_MAX }, (timeline, page) =>
      withNewer(timeline, page, conversations.byId(id)?.last_seq ?? 0),
    )
  }

  /** Goes on with the newest page, if the window is elsewhere. */
  async function toEnd(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    if (!thread || thread.timeline.end) return true
    return extend(id, 'end', { limit: PAGE }, ({ ver, ahead }, page) => {
      const timeline = { ...opened(page, ver), ahead }
      return withNewer(timeline, page, conversations.byId(id)?.last_seq ?? 0)
    })
  }

  /** Reads what has changed since the timeline's `ver`; one reading at a time for each conversation. */
  function catchUp(id: Uuid): Promise<void> {
    const running = catching.get(id) ?? pull(id).finally(() => catching.delete(id))
    catching.set(id, running)
    return running
  }

  async function pull(id: Uuid): Promise<void> {
    let ver = threads.get(id)!.timeline.ver
    const until = ver + CATCH_UP_MAX
    try {
      for (;;) {
        const page = await api.get('/conversations/{id}/changes', {
          params: { path: { id }, query: { after_ver: ver, limit: CHANGES_PAGE } },
        })
        const thread = threads.get(id)
        if (!thread) return
        const timeline = caughtUp(thread.timeline, page.changes, page.ver)
        threads.set(id, { ...thread, timeline, stale: page.more })
        ver = timeline.ver
        if (!page.more) break
        if (ver > until) return await load(id)
      }
      const { timeline } = threads.get(id)!
      if (gaps(timeline, conversations.byId(id)?.last_seq ?? 0).length) await load(id)
    } catch {
      const thread = threads.get(id)
      if (thread) threads.set(id, { ...thread, stale: true })
    }
  }

  function distrust(): void {
    for (const [id, thread] of threads) threads.set(id, { ...thread, stale: true })
    if (shown) void open(shown)
  }

  async function recall(message: Message): Promise<void> {
    const path = { id: message.conversation_id, seq: message.seq }
    await api.post('/conversations/{id}/messages/{seq}/recall', { params: { path } })
  }

  return { thread: (id: Uuid) => threads.get(id), open, close, load, loadOlder, loadNewer, toEnd, hear, recall }
})
