import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { api, socket, type Contact, type Member, type Presence, type Profile, type Uuid } from '@/api'

/** Everybody this page has met: profiles, the remark names I gave, and presence. */
export const usePeople = defineStore('people', () => {
  const profiles = reactive(new Map<Uuid, Profile>())
  const remarks = reactive(new Map<Uuid, string>())
  const presences = reactive(new Map<Uuid, Presence>())
  const asked = new Set<Uuid>()

  socket.on('presence', ({ user_id, state, last_seen_at }) => see({ user_id, state, last_seen_at }))
  socket.on('contact', frame => meetContact(frame.contact))

  function meet(profile: Profile): void {
    profiles.set(profile.id, profile)
  }

  function meetContact({ user, remark, presence, deleted }: Contact): void {
    meet(user)
    if (remark && !deleted) remarks.set(user.id, remark)
    else remarks.delete(user.id)
    see(presence)
  }

  function see(presence: Presence): void {
    presences.set(presence.user_id, presence)
  }

  function profile(id: Uuid): Profile | undefined {
    const known = profiles.get(id)
    if (!known) void look(id)
    return known
  }

  /** The name to show: my remark, else the nickname; empty while the profile is on its way. */
  function nameOf(id: Uuid): string {
    return remarks.get(id) ?? profile(id)?.nickname ?? ''
  }

  async function look(id: Uuid): Promise<void> {
    if (asked.has(id)) return
    asked.add(id)
    await api.get('/users/{id}', { params: { path: { id } } }).then(meet, () => asked.delete(id))
  }

  return {
    profiles,
    presences,
    meet,
    meetContact,
    meetMembers: (members: Member[]) => members.forEach(m => meet(m.user)),
    see,
    profile,
    nameOf,
  }
})
