import { shallowRef } from 'vue'
import { api } from './client'
import type { Settings } from './types'

/** The limits in force on the server. Until they are known nothing is checked here: the server decides in any case. */
export const settings = shallowRef<Settings>()

/** Reads them, also again: a server may come back with others. */
export async function learnSettings(): Promise<void> {
  settings.value = await api.get('/settings').catch(() => settings.value)
}

/** As an input's `maxlength`, which counts UTF-16 units: a character has one or two. Longer ones are the server's to refuse. */
export function units(chars: number | undefined): number | undefined {
  return chars && 2 * chars
}
