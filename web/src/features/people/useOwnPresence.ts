import { useIdle } from '@vueuse/core'
import { computed, watch } from 'vue'
import { socket } from '@/api'

const AWAY_AFTER_MS = 5 * 60_000

/** Tells the server whether somebody is at this device. */
export function useOwnPresence(): void {
  const { idle } = useIdle(AWAY_AFTER_MS)
  const state = computed(() => (idle.value ? 'away' : 'online'))

  watch(state, now => socket.tell({ type: 'presence', state: now }))
  socket.on('welcome', () => {
    if (state.value === 'away') socket.tell({ type: 'presence', state: 'away' })
  })
}
