import { defineStore } from 'pinia'
import { watch } from 'vue'
import { socket, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { useConversations } from '@/features/conversations'

interface Counters {
  received: number
  read: number
}

/** What one moment brings goes out as one receipt for each conversation. */
const GATHER_MS = 200

/** Tells the server how far this person has received and read; the counters only grow. */
export const useReceipts = defineStore('receipts', () => {
  const account = useAccount()
  const conversations = useConversations()
  const wanted = new Map<Uuid, Counters>()
  let timer: ReturnType<typeof setTimeout> | undefined

  socket.on('welcome', () => gather())
  // Whatever way a message has come here, it has been received.
  watch(
    () => conversations.list,
    list => {
      for (const c of list) if (c.received_seq < c.last_seq) want(c.id, { received: c.last_seq, read: 0 })
    },
  )

  /** The person has seen everything up to `seq`. */
  function read(id: Uuid, seq: number): void {
    const conversation = conversations.byId(id)
    if (!conversation || seq <= conversation.read_seq) return
    want(id, { received: seq, read: seq })
    conversations.applyReceipt({ conversation_id: id, user_id: account.me!.id, read_seq: seq, received_seq: seq })
  }

  function want(id: Uuid, { received, read }: Counters): void {
    const there = wanted.get(id)
    if (there && there.received >= received && there.read >= read) return
    wanted.set(id, { received: Math.max(received, there?.received ?? 0), read: Math.max(read, there?.read ?? 0) })
    gather()
  }

  function gather(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      for (const [id, counters] of wanted) void tell(id, counters)
    }, GATHER_MS)
  }

  /** What cannot be told now stays wanted and is told after the next welcome. */
  async function tell(id: Uuid, counters: Counters): Promise<void> {
    const receipt = { received_seq: counters.received, ...(counters.read ? { read_seq: counters.read } : {}) }
    const told = await socket.request({ type: 'receipt', conversation_id: id, ...receipt }).then(
      () => true,
      error => error.code !== 'offline',
    )
    if (!told) return
    conversations.applyReceipt({
      conversation_id: id,
      user_id: account.me!.id,
      read_seq: counters.read,
      received_seq: counters.received,
    })
    if (wanted.get(id) === counters) wanted.delete(id)
  }

  return { read }
})
