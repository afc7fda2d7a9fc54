import { del, set, values, type UseStore } from 'idb-keyval'
import { shallowRef } from 'vue'
import type { Uuid } from '@/api'
import { personalStore } from '@/shared/personal'
import { replaced, without, type OutboxItem } from './outbox'

export type OutboxItems = ReturnType<typeof useOutboxItems>

/** What is to be sent, in the order of writing, kept on this device until it is. */
export function useOutboxItems() {
  const items = shallowRef<OutboxItem[]>([])
  let disk: UseStore | undefined

  /** Takes up what an earlier page of this person has left behind. */
  async function restore(me: Uuid): Promise<void> {
    disk = personalStore('outbox', me)
    const left = await values<OutboxItem>(disk).catch(() => [])
    const known = new Set(items.value.map(item => item.clientMsgId))
    items.value = [...left.filter(item => !known.has(item.clientMsgId)), ...items.value].sort((a, b) => a.at - b.at)
  }

  function add(added: readonly OutboxItem[]): void {
    items.value = [...items.value, ...added]
    added.forEach(save)
  }

  function put(item: OutboxItem): void {
    items.value = replaced(items.value, item)
    save(item)
  }

  function drop(clientMsgId: Uuid): void {
    items.value = without(items.value, clientMsgId)
    if (disk) void del(clientMsgId, disk).catch(() => {})
  }

  // A browser that keeps nothing (private windows) still sends; only a reload would forget.
  function save(item: OutboxItem): void {
    if (disk) void set(item.clientMsgId, item, disk).catch(() => {})
  }

  /** Nothing more is kept on this device. */
  function forget(): void {
    disk = undefined
    items.value = []
  }

  const find = (clientMsgId: Uuid) => items.value.find(item => item.clientMsgId === clientMsgId)

  return { items, restore, add, put, drop, find, forget }
}
