import { api, type Conversation, type Uuid } from '@/api'
import { useConversations } from '@/features/conversations'
import type { Extension, Threads } from './threads'
import { behind, EMPTY, opened, withMessage, withNewer, withOlder, type Page, type Timeline } from './timeline'

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

/** Reads histories page by page. */
export function useHistory(threads: Threads, catchUp: (id: Uuid) => Promise<void>) {
  const conversations = useConversations()
  const lastSeq = (id: Uuid) => conversations.byId(id)?.last_seq ?? 0

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

  async function loadOlder(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    const first = thread?.timeline.messages[0]?.seq
    if (!thread || thread.loading || thread.timeline.start || !first) return false
    return extend(threads, id, 'older', { before_seq: first, limit: PAGE }, withOlder)
  }

  async function loadNewer(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    if (!thread || thread.loading || thread.timeline.end) return false
    const after_seq = thread.timeline.messages.at(-1)?.seq ?? 0
    return extend(threads, id, 'newer', { after_seq, limit: PAGE_MAX }, (timeline, page) =>
      withNewer(timeline, page, lastSeq(id)),
    )
  }

  /** Goes on with the newest page, if the window is elsewhere. */
  async function toEnd(id: Uuid): Promise<boolean> {
    const thread = threads.get(id)
    if (!thread || thread.timeline.end) return true
    return extend(threads, id, 'end', { limit: PAGE }, ({ ver, ahead }, page) =>
      withNewer({ ...opened(page, ver), ahead }, page, lastSeq(id)),
    )
  }

  return { load, loadOlder, loadNewer, toEnd }
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
  threads: Threads,
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
