import { useStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import type { Uuid } from '@/api'
import { wellFormed } from '@/api/text'
import { useAccount } from '@/features/account'
import { personalKey } from '@/shared/personal'

/** Words begun and not sent, kept on this device. */
export const useDrafts = defineStore('drafts', () => {
  const drafts = useStorage<Record<Uuid, string>>(personalKey('drafts', useAccount().me!.id), {})

  function set(id: Uuid, text: string): void {
    if (text.trim()) drafts.value[id] = wellFormed(text)
    else delete drafts.value[id]
  }

  return { of: (id: Uuid) => drafts.value[id] ?? '', set }
})
