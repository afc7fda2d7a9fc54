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
export async function belongTo(person: Uuid): Promise<void> {
  await erase(owner => owner !== person)
  localStorage.setItem(PERSON_KEY, person)
}

/** Nothing of anybody stays. */
export async function belongToNobody(): Promise<void> {
  await erase(() => true)
  localStorage.removeItem(PERSON_KEY)
  sessionStorage.clear()
}

async function erase(goes: (owner: string) => boolean): Promise<void> {
  const last = localStorage.getItem(PERSON_KEY)
  for (const key of Object.keys(localStorage)) {
    const owner = KEY.exec(key)?.[1]
    if (owner && goes(owner)) localStorage.removeItem(key)
  }
  const names = await databases(last)
  const gone = names.filter(name => goes(DATABASE.exec(name)?.[1] ?? last ?? ''))
  // An open page may hold a database for long, but it can be emptied at once.
  await Promise.all(
    gone.filter(name => DATABASE.test(name)).map(name => clear(createStore(name, STORE)).catch(() => {})),
  )
  for (const name of gone) if (EMOJI_DATABASE.test(name)) indexedDB.deleteDatabase(name)
}

/** Older Firefox does not list them; there the last person's is known by name. */
async function databases(last: Uuid | null): Promise<string[]> {
  const known = last ? [databaseName('outbox', last)] : []
  if (typeof indexedDB === 'undefined' || !indexedDB.databases) return known
  const found = await indexedDB.databases().catch(() => [])
  return found.map(({ name = '' }) => name).filter(name => DATABASE.test(name) || EMOJI_DATABASE.test(name))
}

function databaseName(what: string, person: Uuid): string {
  return `beckon-${what}-${person}`
}
