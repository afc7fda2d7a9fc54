import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { api, socket, type Member, type Uuid } from '@/api'
import { usePeople } from '@/features/people'

const PAGE = 100

/** The members of the groups that have been looked at, with how far each has read. */
export const useMembers = defineStore('members', () => {
  const people = usePeople()
  const groups = reactive(new Map<Uuid, Member[]>())

  socket.on('welcome', frame => {
    if (!frame.recovered) for (const id of groups.keys()) void load(id)
  })
  socket.on('conversation', ({ conversation }) => {
    if (groups.has(conversation.id)) void load(conversation.id)
  })
  socket.on('conversation_removed', frame => groups.delete(frame.conversation_id))
  socket.on('receipt', receipt => {
    const members = groups.get(receipt.conversation_id)
    const index = members?.findIndex(m => m.user.id === receipt.user_id) ?? -1
    if (members && index >= 0) members[index] = advanced(members[index]!, receipt)
  })

  async function load(id: Uuid): Promise<void> {
    const members: Member[] = []
    for (;;) {
      const page = await api.get('/conversations/{id}/members', {
        params: { path: { id }, query: { after: members.at(-1)?.user.id, limit: PAGE } },
      })
      members.push(...page.members)
      if (!page.more || page.members.length === 0) break
    }
    people.meetMembers(members)
    const before = new Map(groups.get(id)?.map(m => [m.user.id, m]))
    groups.set(
      id,
      members.map(m => advanced(m, before.get(m.user.id))),
    )
  }

  /** Reads the members unless they are there already. */
  async function ensure(id: Uuid): Promise<void> {
    if (!groups.has(id)) await load(id)
  }

  return { of: (id: Uuid): Member[] => groups.get(id) ?? [], load, ensure }
})

type Counters = Pick<Member, 'read_seq' | 'received_seq'>

function advanced(member: Member, news: Counters = member): Member {
  return {
    ...member,
    read_seq: Math.max(member.read_seq, news.read_seq),
    received_seq: Math.max(member.received_seq, news.received_seq),
  }
}
