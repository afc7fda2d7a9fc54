import { defineStore } from 'pinia'
import { shallowRef, type ShallowRef } from 'vue'
import { belongTo, belongToNobody } from '@/shared/personal'
import { randomUuid } from '@/shared/uuid'
import {
  api,
  ApiError,
  everSignedIn,
  forgetExpiry,
  rememberExpiry,
  socket,
  type Device,
  type Me,
  type SignedIn,
} from '@/api'

/** Who is signed in on this page. */
export const useAccount = defineStore('account', () => {
  const me = shallowRef<Me>()
  let looked: Promise<boolean> | undefined
  const { forget, whenLeaving } = useLeaving(me)

  socket.on('me', frame => (me.value = frame.user))

  /** Whether somebody is signed in; asks the server once. */
  function ready(): Promise<boolean> {
    if (me.value) return Promise.resolve(true)
    looked ??= askWhoIsHere()
      .then(user => user !== undefined && enter(user))
      .finally(() => (looked = undefined))
    return looked
  }

  async function signIn(name: string, password: string): Promise<void> {
    welcome(await api.post('/logins', { body: { name, password, device: thisDevice(), transport: 'cookie' } }))
  }

  async function signUp(name: string, password: string, nickname?: string): Promise<void> {
    welcome(await api.post('/users', { body: { name, password, nickname, device: thisDevice(), transport: 'cookie' } }))
  }

  function welcome(signedIn: SignedIn): void {
    rememberExpiry(signedIn)
    enter(signedIn.user)
  }

  function enter(user: Me): true {
    void belongTo(user.id)
    me.value = user
    return true
  }

  async function signOut(): Promise<void> {
    await api.delete('/logins/current')
    await forget()
  }

  return { me, ready, signIn, signUp, signOut, forget, whenLeaving, ...useProfile(me) }
})

/** Nobody when no login is here, or the server knows none; a server that does not answer is asked again. */
async function askWhoIsHere(): Promise<Me | undefined> {
  while (everSignedIn()) {
    try {
      return await api.get('/me')
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retryable) return undefined
      // Without an answer nobody knows whether this person may come in.
      await new Promise(later => setTimeout(later, RETRY_MS))
    }
  }
  return undefined
}

/** What one can change about oneself. */
function useProfile(me: ShallowRef<Me | undefined>) {
  return {
    async update(change: Partial<Pick<Me, 'nickname' | 'direct_add'>>): Promise<void> {
      me.value = await api.patch('/me', { body: change })
    },
    async setAvatar(image: Blob): Promise<void> {
      me.value = await api.put('/me/avatar', { body: image, headers: { 'Content-Type': image.type } })
    },
    async removeAvatar(): Promise<void> {
      me.value = await api.delete('/me/avatar')
    },
  }
}

/** Signing out, here or in another tab. */
function useLeaving(me: ShallowRef<Me | undefined>) {
  const leaving = new Set<() => void>()

  /**
   * Leaves nothing of this person on the device, and begins anew if one was here, so that nothing is left in memory
   * for the next. The other tabs do the same, see below.
   */
  async function forget(): Promise<void> {
    const wasHere = me.value
    socket.stop()
    forgetExpiry()
    for (const leave of leaving) leave()
    await belongToNobody()
    if (wasHere) location.assign('/sign-in')
  }

  // Somebody has signed out in another tab, or its login was revoked.
  addEventListener('storage', event => {
    if (me.value && event.storageArea === localStorage && !everSignedIn()) void forget()
  })

  return {
    forget,
    /** Does something before everything personal goes. */
    whenLeaving: (leave: () => void) => leaving.add(leave),
  }
}

/** Until a server that does not answer is asked again who is signed in. */
const RETRY_MS = 2000

const DEVICE_KEY = 'beckon.device_id'

/** This browser; the id makes signing in again replace the former login instead of adding one. */
function thisDevice(): Device {
  const id = localStorage.getItem(DEVICE_KEY) ?? randomUuid()
  localStorage.setItem(DEVICE_KEY, id)
  return { id, kind: 'web', name: browserName() }
}

function browserName(): string {
  const agent = navigator.userAgent
  const browser = /Edg\//.test(agent)
    ? 'Edge'
    : /Firefox\//.test(agent)
      ? 'Firefox'
      : /Chrome\//.test(agent)
        ? 'Chrome'
        : /Safari\//.test(agent)
          ? 'Safari'
          : 'Browser'
  const system = /Android/.test(agent)
    ? 'Android'
    : /iPhone|iPad/.test(agent)
      ? 'iOS'
      : /Windows/.test(agent)
        ? 'Windows'
        : /Mac OS/.test(agent)
          ? 'macOS'
          : /Linux/.test(agent)
            ? 'Linux'
            : ''
  return system ? `${browser} · ${system}` : browser
}
