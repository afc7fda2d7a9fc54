import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api, socket, type Change, type Message, type Uuid } from '@/api'
import { useConversations } from '@/features/conversations'
import { behind, caughtUp, EMPTY, gaps, opened, trimmed, withChange, withMessage, withOlder, type Timeline } from './timeline'

export interface Thread {
  readonly timeline: Timeline
  readonly loading?: 'first' | 'older'
  /** The newest page could not be read. */
  readonly failed?: boolean
  /** Something may be missing: catch up before it is shown again. */
  readonly stale?: boolean
}

interface MessagePage { messages: Message[], start: boolean, end: boolean }
interface ChangePage { changes: Change[], ver: number, more: boolean }

const PAGE = 50
const PAGE_MAX = 100
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
  socket.on('change', ({ conversation_id, change }) => update(conversation_id, timeline => withChange(timeline, change)))
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
    if (thread && !thread.loading) threads.set(id, { ...thread, timeline: trimmed(thread.timeline, KEEP) })
  }

  async function load(id: Uuid): Promise<void> {
    // The thread is there before its page is read, so that what is said meanwhile is kept.
    threads.set(id, { timeline: EMPTY, loading: 'first' })
    try {
      const conversation = conversations.byId(id) ?? (await conversations.fetchOne(id))
      const ver = conversation?.last_ver ?? 0
      const limit = Math.min(PAGE_MAX, Math.max(PAGE, (conversation?.unread ?? 0) + 20))
      const page = await api.get<MessagePage>(`/conversations/${id}/messages`, { limit })
      const heard = threads.get(id)?.timeline ?? EMPTY
      const timeline = heard.messages.reduce(withMessage, opened(page.messages, page.start, ver))
      threads.set(id, { timeline })
      if (behind(heard)) await catchUp(id)
    } catch {
      threads.set(id, { timeline: EMPTY, failed: true })
    }
  }

  async function loadOlder(id: Uuid): Promise<void> {
    const thread = threads.get(id)
    const first = thread?.timeline.messages[0]?.seq
    if (!thread || thread.loading || thread.timeline.start || !first) return
    threads.set(id, { ...thread, loading: 'older' })
    const page = await api.get<MessagePage>(`/conversations/${id}/messages`, { before_seq: first, limit: PAGE }).catch(() => undefined)
    const now = threads.get(id)
    if (!now) return
    threads.set(id, { ...now, loading: undefined, timeline: page ? withOlder(now.timeline, page.messages, page.start) : now.timeline })
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
        const page = await api.get<ChangePage>(`/conversations/${id}/changes`, { after_ver: ver, limit: CHANGES_PAGE })
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
    await api.post(`/conversations/${message.conversation_id}/messages/${message.seq}/recall`)
  }

  return { thread: (id: Uuid) => threads.get(id), open, close, load, loadOlder, hear, recall }
})
