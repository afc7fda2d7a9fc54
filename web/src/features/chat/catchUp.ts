import { api, type Uuid } from '@/api'
import { useConversations } from '@/features/conversations'
import type { Threads } from './threads'
import { caughtUp, gaps } from './timeline'

const CHANGES_PAGE = 100
/** Further behind than this, the newest page is less to read than all that happened. */
const CATCH_UP_MAX = 500

/** Reads what has changed since a timeline's `ver`; one reading at a time for each conversation. */
export function useCatchUp(threads: Threads, load: (id: Uuid) => Promise<void>) {
  const conversations = useConversations()
  const catching = new Map<Uuid, Promise<void>>()

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

  return catchUp
}
