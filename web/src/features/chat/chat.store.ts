import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { api, socket, type Message, type Uuid } from '@/api'
import { useCatchUp } from './catchUp'
import { useHistory } from './history'
import type { Thread } from './threads'
import { behind, trimmed, withChange, withMessage, type Timeline } from './timeline'

/** Frames of one moment may cross; only what is still missing after this is asked for. */
const PATIENCE_MS = 300
/** What a conversation that is left keeps in memory. */
const KEEP = 100

/** The history of the conversations that have been looked at, kept current for switching back at once. */
export const useChat = defineStore('chat', () => {
  const threads = shallowReactive(new Map<Uuid, Thread>())
  const { load, loadOlder, loadNewer, toEnd } = useHistory(threads, id => catchUp(id))
  const catchUp = useCatchUp(threads, load)
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

  function distrust(): void {
    for (const [id, thread] of threads) threads.set(id, { ...thread, stale: true })
    if (shown) void open(shown)
  }

  return { thread: (id: Uuid) => threads.get(id), open, close, load, loadOlder, loadNewer, toEnd, hear, recall }
})

async function recall(message: Message): Promise<void> {
  const path = { id: message.conversation_id, seq: message.seq }
  await api.post('/conversations/{id}/messages/{seq}/recall', { params: { path } })
}
