import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { api, socket, type Contact, type Profile, type Uuid } from '@/api'
import { usePeople } from '@/features/people'
import { showError } from '@/shared/errors'

/** My contacts, read by what changed since and kept current by frames. */
export const useContacts = defineStore('contacts', () => {
  const people = usePeople()
  const known = reactive(new Map<Uuid, Contact>())
  const loaded = ref(false)
  let ver = 0

  const list = computed(() => [...known.values()].filter(contact => !contact.deleted))

  socket.on('welcome', frame => {
    if (!frame.recovered) void sync()
  })
  socket.on('sync', () => void sync())
  socket.on('contact', frame => put(frame.contact))

  function put(contact: Contact): void {
    const before = known.get(contact.user.id)
    if (before && before.ver > contact.ver) return
    known.set(contact.user.id, contact)
    people.meetContact(contact)
  }

  async function sync(): Promise<void> {
    try {
      for await (const page of changesSince(ver)) {
        page.contacts.forEach(put)
        ver = page.ver
      }
      loaded.value = true
    } catch (error) {
      if (!loaded.value) showError(error)
    }
  }

  function isContact(userId: Uuid): boolean {
    const contact = known.get(userId)
    return contact !== undefined && !contact.deleted
  }

  async function rename(userId: Uuid, remark: string): Promise<void> {
    put(await api.patch('/contacts/{user_id}', { params: { path: { user_id: userId } }, body: { remark } }))
  }

  async function remove(userId: Uuid): Promise<void> {
    await api.delete('/contacts/{user_id}', { params: { path: { user_id: userId } } })
    const contact = known.get(userId)
    if (contact) known.set(userId, { ...contact, deleted: true })
    await look(userId)
  }

  async function setBlocked(userId: Uuid, blocked: boolean): Promise<void> {
    const params = { path: { user_id: userId } }
    await (blocked ? api.put('/blocks/{user_id}', { params }) : api.delete('/blocks/{user_id}', { params }))
    await look(userId)
  }

  /** Reads a profile anew: what we are to each other has changed. */
  async function look(userId: Uuid): Promise<Profile> {
    const profile = await api.get('/users/{id}', { params: { path: { id: userId } } })
    people.meet(profile)
    return profile
  }

  async function blocked(): Promise<Profile[]> {
    const { users } = await api.get('/blocks')
    users.forEach(people.meet)
    return users
  }

  return { list, loaded, byId: (id: Uuid) => known.get(id), isContact, rename, remove, setBlocked, look, blocked }
})

/** What changed after a version, page by page, each with the version that is known then. */
async function* changesSince(known: number): AsyncGenerator<{ contacts: Contact[]; ver: number }> {
  for (let ver = known; ;) {
    const page = await api.get('/contacts', { params: { query: { after_ver: ver } } })
    ver = page.more ? (page.contacts.at(-1)?.ver ?? page.ver) : page.ver
    yield { contacts: page.contacts, ver }
    if (!page.more || page.contacts.length === 0) return
  }
}
