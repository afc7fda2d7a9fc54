import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { api, socket, type ContactRequest, type Profile, type Uuid } from '@/api'
import { useAccount } from '@/features/account'
import { usePeople } from '@/features/people'

type Answer = 'accept' | 'refuse' | 'block'

/** Requests to become contacts, mine and to me. */
export const useRequests = defineStore('requests', () => {
  const account = useAccount()
  const people = usePeople()
  const known = reactive(new Map<Uuid, ContactRequest>())
  const loaded = ref(false)

  const newest = computed(() => [...known.values()].sort((a, b) => b.updated_at - a.updated_at))
  const incoming = computed(() => newest.value.filter(request => request.to.id === account.me?.id))
  const outgoing = computed(() => newest.value.filter(request => request.from.id === account.me?.id))
  const unread = computed(() => incoming.value.filter(request => !request.read && request.status === 'pending').length)

  socket.on('welcome', frame => {
    if (!frame.recovered) void load()
  })
  socket.on('sync', () => void load())
  socket.on('contact_request', frame => put(frame.request))

  function put(request: ContactRequest): void {
    known.set(request.id, request)
    people.meet(request.from.id === account.me?.id ? request.to : request.from)
  }

  /** A failure leaves what was known; the next welcome reads again. */
  async function load(): Promise<void> {
    const read = (direction: 'incoming' | 'outgoing') =>
      api.get('/contact-requests', { params: { query: { direction } } })
    try {
      for (const { requests } of await Promise.all([read('incoming'), read('outgoing')])) requests.forEach(put)
    } finally {
      loaded.value = true
    }
  }

  /** Who has exactly this name, if anybody. */
  async function find(name: string): Promise<Profile | undefined> {
    const [user] = (await api.get('/users', { params: { query: { name } } })).users
    if (user) people.meet(user)
    return user
  }

  async function ask(userId: Uuid, message: string): Promise<ContactRequest> {
    const request = await api.post('/contact-requests', {
      body: { user_id: userId, way: 'name', ...(message && { message }) },
    })
    put(request)
    return request
  }

  async function answer(id: Uuid, answer: Answer): Promise<void> {
    put(await api.post(`/contact-requests/{id}/${answer}`, { params: { path: { id } } }))
  }

  async function markRead(): Promise<void> {
    if (unread.value === 0) return
    await api.post('/contact-requests/read')
    for (const request of incoming.value) known.set(request.id, { ...request, read: true })
  }

  /** The request of this person that waits for my answer. */
  function waitingFrom(userId: Uuid): ContactRequest | undefined {
    return incoming.value.find(request => request.from.id === userId && request.status === 'pending')
  }

  return { incoming, outgoing, unread, loaded, find, ask, answer, markRead, waitingFrom }
})
