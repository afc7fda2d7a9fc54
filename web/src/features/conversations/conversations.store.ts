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
  const account = useAccount()
  const people = usePeople()
  const known = reactive(new Map<Uuid, Conversation>())
  /** False until the list has been read once. */
  const loaded = ref(false)
  /** Ids that a running sync must not take for gone. */
  let touched = new Set<Uuid>()

  const list = computed(() => [...known.values()].sort((a, b) => b.updated_at - a.updated_at))
  const unread = computed(() => list.value.reduce((sum, c) => sum + c.unread, 0))

  socket.on('welcome', frame => {
    if (!frame.recovered) void sync()
  })
  socket.on('sync', () => void sync())
  socket.on('message', frame => void hear(frame.message))
  socket.on('change', ({ conversation_id, change }) => {
    const conversation = known.get(conversation_id)
    if (conversation)
      known.set(conversation_id, withMessage(conversation, { ...change.message, ver: change.ver }, myId()))
  })
  socket.on('receipt', frame => applyReceipt(frame))
  socket.on('conversation', frame => put(frame.conversation))
  socket.on('conversation_removed', frame => remove(frame.conversation_id))

  function myId(): Uuid {
    return account.me?.id ?? ''
  }

  function put(conversation: Conversation): void {
    if (conversation.peer) people.meet(conversation.peer)
    if (conversation.presence) people.see(conversation.presence)
    touched.add(conversation.id)
    known.set(conversation.id, mergeConversation(known.get(conversation.id), conversation))
  }

  function remove(id: Uuid): void {
    known.delete(id)
  }

  /** Takes in a message that is durable: heard in a frame, or acknowledged. */
  async function hear(message: Message): Promise<void> {
    const conversation = known.get(message.conversation_id)
    if (conversation) known.set(conversation.id, withMessage(conversation, message, myId()))
    else await fetchOne(message.conversation_id)
  }

  function applyReceipt(receipt: Receipt): void {
    const conversation = known.get(receipt.conversation_id)
    if (conversation) known.set(conversation.id, withReceipt(conversation, receipt, myId()))
  }

  async function fetchOne(id: Uuid): Promise<Conversation | undefined> {
    return api.get('/conversations/{id}', { params: { path: { id } } }).then(
      conversation => {
        put(conversation)
        return known.get(id)
      },
      () => undefined,
    )
  }

  /** Reads the whole list; what it does not name any more is gone. */
  async function sync(): Promise<void> {
    touched = new Set()
    const mine = touched
    let before: string | undefined
    try {
      do {
        const page = await api.get('/conversations', { params: { query: { before, limit: PAGE } } })
        page.conversations.forEach(put)
        before = page.next
      } while (before !== undefined)
      if (mine === touched) for (const id of known.keys()) if (!mine.has(id)) known.delete(id)
      loaded.value = true
    } catch (error) {
      if (!loaded.value) showError(error)
    }
  }

  /** The conversation with a contact, opened when there is none yet. */
  async function openDirect(userId: Uuid): Promise<Conversation> {
    const there = list.value.find(c => c.kind === 'direct' && c.peer?.id === userId && c.writable)
    if (there) return there
    const conversation = await api.post('/conversations/direct', { body: { user_id: userId } })
    put(conversation)
    return known.get(conversation.id)!
  }

  function titleOf(conversation: Conversation): string {
    return conversation.peer ? people.nameOf(conversation.peer.id) : (conversation.title ?? '')
  }

  return {
    list,
    unread,
    loaded,
    byId: (id: Uuid) => known.get(id),
    put,
    remove,
    hear,
    applyReceipt,
    fetchOne,
    openDirect,
    titleOf,
  }
})
