import { clear, createStore, type UseStore } from 'idb-keyval'
import type { Uuid } from '@/api'

/**
 * What a person leaves on this device: drafts, messages on their way. One place names it, with the person's id at the
 * end, so that all of it can be found and thrown away when they leave.
 */

const PERSON_KEY = 'beckon.person'
const KEY = /^beckon\.[a-z_]+\.(.+)$/
const DATABASE = /^beckon-[a-z_]+-(.+)$/
/** Remembers which emoji somebody likes. */
const EMOJI_DATABASE = /^emoji-picker-element-/
const STORE = 'items'

export const personalKey = (what: string, person: Uuid) => `beckon.${what}.${person}`

export function personalStore(what: string, person: Uuid): UseStore {
  return createStore(databaseName(what, person), STORE)
}

/** From now on this device is somebody's: whatever others have left on it goes. */
export function belongTo(person: Uuid): Promise<void> {
  localStorage.setItem(PERSON_KEY, person)
  return erase(owner => owner !== person)
}

/** Nothing of anybody stays. */
export function belongToNobody(): Promise<void> {
  const erased = erase(() => true)
  localStorage.removeItem(PERSON_KEY)
  sessionStorage.clear()
  return erased
}

async function erase(goes: (owner: string) => boolean): Promise<void> {
  const person = localStorage.getItem(PERSON_KEY)
  for (const key of Object.keys(localStorage)) {
    const owner = KEY.exec(key)?.[1]
    if (owner && goes(owner)) localStorage.removeItem(key)
  }
  const names = await databases(person)
  const gone = names.filter(name => goes(DATABASE.exec(name)?.[1] ?? ''))
  // An open page may hold a database for long, but it can be emptied at once.
  await Promise.all(gone.filter(name => DATABASE.test(name)).map(name => clear(createStore(name, STORE)).catch(() => {})))
  for (const name of gone) if (EMOJI_DATABASE.test(name)) indexedDB.deleteDatabase(name)
}

/** Older Firefox does not list them; there the last person's is known by name. */
async function databases(person: Uuid | null): Promise<string[]> {
  const known = person ? [databaseName('outbox', person)] : []
  if (typeof indexedDB === 'undefined' || !indexedDB.databases) return known
  const found = await indexedDB.databases().catch(() => [])
  return found.map(({ name = '' }) => name).filter(name => DATABASE.test(name) || EMOJI_DATABASE.test(name))
}

function databaseName(what: string, person: Uuid): string {
  return `beckon-${what}-${person}`
}
