import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { socket, type Uuid } from '@/api'
import { callIn, welcomed, withCall, type LiveCalls } from './liveCalls'

/** Who is in a call in which of my conversations, and those I am invited to. */
export const useLiveCalls = defineStore('liveCalls', () => {
  const calls = shallowRef<LiveCalls>(new Map())

  socket.on('welcome', frame => (calls.value = welcomed(calls.value, frame.group_calls, frame.recovered)))
  for (const type of ['group_call', 'group_call_ringing', 'call_moved'] as const) {
    socket.on(type, frame => (calls.value = withCall(calls.value, frame.call)))
  }

  return {
    byId: (id: Uuid) => calls.value.get(id),
    inConversation: (id: Uuid) => callIn(calls.value, id),
  }
})
