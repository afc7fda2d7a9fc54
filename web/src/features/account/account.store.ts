import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { randomUuid } from '@/shared/uuid'
import { api, ApiError, everSignedIn, forgetExpiry, rememberExpiry, socket, type Device, type Me, type SignedIn } from '@/api'

/** Who is signed in on this page. */
export const useAccount = defineStore('account', () => {
  const me = shallowRef<Me>()
  let looked: Promise<boolean> | undefined

  socket.on('me', frame => (me.value = frame.user))

  /** Whether somebody is signed in; asks the server once. */
  function ready(): Promise<boolean> {
    if (me.value) return Promise.resolve(true)
    looked ??= load().finally(() => (looked = undefined))
    return looked
  }

  async function load(): Promise<boolean> {
    if (!everSignedIn()) return false
    try {
      me.value = await api.get<Me>('/me')
      return true
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false
      throw error
    }
  }

  async function signIn(name: string, password: string): Promise<void> {
    welcome(await api.post<SignedIn>('/logins', { name, password, device: thisDevice(), transport: 'cookie' }))
  }

  async function signUp(name: string, password: string, nickname?: string): Promise<void> {
    welcome(await api.post<SignedIn>('/users', { name, password, nickname, device: thisDevice(), transport: 'cookie' }))
  }

  function welcome(signedIn: SignedIn): void {
    rememberExpiry(signedIn)
    me.value = signedIn.user
  }

  async function signOut(): Promise<void> {
    await api.delete('/logins/current')
    forget()
  }

  /** Starts the page afresh, so that nothing of one person is left in memory for the next. */
  function forget(): void {
    socket.stop()
    forgetExpiry()
    location.assign('/sign-in')
  }

  async function update(change: Partial<Pick<Me, 'nickname' | 'direct_add'>>): Promise<void> {
    me.value = await api.patch<Me>('/me', change)
  }

  async function setAvatar(image: Blob): Promise<void> {
    me.value = await api.put<Me>('/me/avatar', image)
  }

  async function removeAvatar(): Promise<void> {
    me.value = (await api.delete<Me | undefined>('/me/avatar')) ?? { ...me.value!, avatar: undefined }
  }

  return { me, ready, signIn, signUp, signOut, forget, update, setAvatar, removeAvatar }
})

const DEVICE_KEY = 'beckon.device_id'

/** This browser; the id makes signing in again replace the former login instead of adding one. */
function thisDevice(): Device {
  const id = localStorage.getItem(DEVICE_KEY) ?? randomUuid()
  localStorage.setItem(DEVICE_KEY, id)
  return { id, kind: 'web', name: browserName() }
}

function browserName(): string {
  const agent = navigator.userAgent
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrome\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser'
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Windows/.test(agent) ? 'Windows' : /Mac OS/.test(agent) ? 'macOS' : /Linux/.test(agent) ? 'Linux' : ''
  return system ? `${browser} · ${system}` : browser
}
