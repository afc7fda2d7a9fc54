import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { api, socket, type Conversation, type Message, type Receipt, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { usePeople } from '@/features/people'
import { showError } from '@/shared/errors'
import { mergeConversation, withMessage, withReceipt } from './merge'

const PAGE = 100

/** Every conversation I am in, kept current by frames and read anew after anything may have been missed. */
export const useConversations = defineStore('conversations', () => {
  const people = usePeople()
  const { known, put, take, applyReceipt, forgetOthers } = useKnown()
  /** False until the list has been read once. */
  const loaded = ref(false)

  const list = computed(() => [...known.values()].sort((a, b) => b.updated_at - a.updated_at))
  const unread = computed(() => list.value.reduce((sum, c) => sum + c.unread, 0))

  socket.on('welcome', frame => {
    if (!frame.recovered) void sync()
  })
  socket.on('sync', () => void sync())
  socket.on('message', frame => void hear(frame.message))
  socket.on('change', ({ conversation_id, change }) => {
    if ('message' in change) take(conversation_id, { ...change.message, ver: change.ver })
  })
  socket.on('receipt', frame => applyReceipt(frame))
  socket.on('conversation', frame => put(frame.conversation))
  socket.on('conversation_removed', frame => remove(frame.conversation_id))

  function remove(id: Uuid): void {
    known.delete(id)
  }

  /** Takes in a message that is durable: heard in a frame, or acknowledged. */
  async function hear(message: Message): Promise<void> {
    if (!take(message.conversation_id, message)) await fetchOne(message.conversation_id)
  }

  async function fetchOne(id: Uuid): Promise<Conversation | undefined> {
    return api.get('/conversations/{id}', { params: { path: { id } } }).then(put, () => undefined)
  }

  /** Reads the whole list; what it does not name any more is gone. */
  async function sync(): Promise<void> {
    const forget = forgetOthers()
    try {
      for await (const page of pages()) page.forEach(put)
      forget()
      loaded.value = true
    } catch (error) {
      if (!loaded.value) showError(error)
    }
  }

  /** The conversation with a contact, opened when there is none yet. */
  async function openDirect(userId: Uuid): Promise<Conversation> {
    const there = list.value.find(c => c.kind === 'direct' && c.peer?.id === userId && c.writable)
    return there ?? put(await api.post('/conversations/direct', { body: { user_id: userId } }))
  }

  function titleOf(conversation: Conversation): string {
    return conversation.peer ? people.nameOf(conversation.peer.id) : (conversation.title ?? '')
  }

  const byId = (id: Uuid) => known.get(id)
  return { list, unread, loaded, byId, put, remove, hear, applyReceipt, fetchOne, openDirect, titleOf }
})

/** What is known, and how what is read and heard joins it. */
function useKnown() {
  const account = useAccount()
  const people = usePeople()
  const known = reactive(new Map<Uuid, Conversation>())
  /** Ids that a running sync must not take for gone. */
  let touched = new Set<Uuid>()
  const me = () => account.me?.id ?? ''

  function put(conversation: Conversation): Conversation {
    if (conversation.peer) people.meet(conversation.peer)
    if (conversation.presence) people.see(conversation.presence)
    touched.add(conversation.id)
    known.set(conversation.id, mergeConversation(known.get(conversation.id), conversation))
    return known.get(conversation.id)!
  }

  /** Whether the conversation of the message is known. */
  function take(id: Uuid, message: Message): boolean {
    const conversation = known.get(id)
    if (conversation) known.set(id, withMessage(conversation, message, me()))
    return conversation !== undefined
  }

  function applyReceipt(receipt: Receipt): void {
    const conversation = known.get(receipt.conversation_id)
    if (conversation) known.set(conversation.id, withReceipt(conversation, receipt, me()))
  }

  /** Begins a sync; what is returned ends it, unless another has begun, and forgets what was not put meanwhile. */
  function forgetOthers(): () => void {
    const mine = new Set<Uuid>()
    touched = mine
    return () => {
      if (mine === touched) for (const id of known.keys()) if (!mine.has(id)) known.delete(id)
    }
  }

  return { known, put, take, applyReceipt, forgetOthers }
}

/** My conversations, page by page. */
async function* pages(): AsyncGenerator<readonly Conversation[]> {
  let before: string | undefined
  do {
    const page = await api.get('/conversations', { params: { query: { before, limit: PAGE } } })
    yield page.conversations
    before = page.next
  } while (before !== undefined)
}
