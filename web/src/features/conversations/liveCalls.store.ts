import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { socket, type GroupCall, type Uuid } from '@/api'
import { usePeople } from '@/features/people'
import { callIn, welcomed, withCall, type LiveCalls } from './liveCalls'

/** Who is in a call in which of my conversations, and those I am invited to. */
export const useLiveCalls = defineStore('liveCalls', () => {
  const people = usePeople()
  const calls = shallowRef<LiveCalls>(new Map())

  socket.on('welcome', frame => {
    calls.value = welcomed(calls.value, frame.group_calls, frame.recovered)
    frame.group_calls.forEach(meet)
  })
  for (const type of ['group_call', 'group_call_ringing', 'call_moved'] as const) {
    socket.on(type, ({ call }) => {
      calls.value = withCall(calls.value, call)
      meet(call)
    })
  }

  /** Names and pictures of strangers; whom one knows, one knows better. */
  function meet({ participants, invited }: GroupCall): void {
    for (const one of [...participants, ...invited]) if (!people.profiles.has(one.id)) people.meet(one)
  }

  return {
    byId: (id: Uuid) => calls.value.get(id),
    inConversation: (id: Uuid) => callIn(calls.value, id),
  }
})
