// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest'
import { belongTo, belongToNobody, personalKey } from './personal'

/** Databases by name, with what is in them. */
const databases = new Map<string, string[]>()
vi.mock('idb-keyval', () => ({
  createStore: (name: string) => name,
  clear: async (name: string) => void databases.set(name, []),
}))

const [ANN, BOB] = ['0190aaaa-0000-7000-8000-000000000001', '0190bbbb-0000-7000-8000-000000000002']
const deleted: string[] = []

beforeEach(() => {
  localStorage.clear()
  localStorage.setItem(personalKey('drafts', ANN), 'a secret of Ann')
  localStorage.setItem(personalKey('drafts', BOB), 'a secret of Bob')
  localStorage.setItem('beckon.theme', 'dark')
  databases.clear()
  databases.set(`beckon-outbox-${ANN}`, ['Ann']).set(`beckon-outbox-${BOB}`, ['Bob']).set('somebody-elses', ['x'])
  deleted.length = 0
  vi.stubGlobal('indexedDB', {
    databases: async () => [...databases.keys(), 'emoji-picker-element-en'].map(name => ({ name })),
    deleteDatabase: (name: string) => deleted.push(name),
  })
})

it('keeps nothing of anybody, and what the device was set to', async () => {
  await belongToNobody()
  expect(Object.entries(localStorage)).toEqual([['beckon.theme', 'dark']])
  expect([...databases.values()]).toEqual([[], [], ['x']])
  expect(deleted).toEqual(['emoji-picker-element-en'])
})

it('keeps what belongs to whoever comes, and nothing of who was here before', async () => {
  await belongTo(BOB)
  expect(localStorage.getItem(personalKey('drafts', ANN))).toBeNull()
  expect(localStorage.getItem(personalKey('drafts', BOB))).toBe('a secret of Bob')
  expect([...databases.values()]).toEqual([[], ['Bob'], ['x']])
})

it('keeps the emoji somebody likes for as long as it is them', async () => {
  await belongTo(ANN)
  deleted.length = 0
  await belongTo(ANN)
  expect(deleted).toEqual([])
  await belongTo(BOB)
  expect(deleted).toEqual(['emoji-picker-element-en'])
})

it('knows the last person where the browser lists no databases', async () => {
  await belongTo(ANN)
  databases.set(`beckon-outbox-${ANN}`, ['Ann'])
  vi.stubGlobal('indexedDB', { deleteDatabase: (name: string) => deleted.push(name) })
  await belongToNobody()
  expect(databases.get(`beckon-outbox-${ANN}`)).toEqual([])
})
