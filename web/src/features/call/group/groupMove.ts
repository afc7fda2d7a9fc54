import { ref, watch, type Ref, type ShallowRef } from 'vue'
import type { GroupMedia, Uuid } from '@/api'
import { useDirectCall } from '../direct/directCall.store'
import type { RoomPerson } from './person'

/** A call that moved into the room ends its direct connection by then, whether the room carries it or not. */
const MOVE_MS = 10_000

interface Move {
  people: ShallowRef<readonly RoomPerson[]>
  /** The one-to-one call became this one; its devices are open, and its sound stays until the room has some. */
  onMove: (callId: Uuid, media: GroupMedia) => void
  leave: () => void
}

/** Follows a one-to-one call into the room. Tells who the other of the two is while both still hear each other directly. */
export function useGroupMove({ people, onMove, leave }: Move): Ref<Uuid | undefined> {
  const direct = useDirectCall()
  const moving = ref<Uuid>()

  direct.onMove({
    leave,
    takeOver: call => {
      moving.value = direct.phase.kind === 'moving' ? direct.phase.call.peer.id : undefined
      onMove(call.id, call.media)
    },
  })

  // The direct connection has done its part once the other is heard, or known to be silent, in the room.
  watch(moving, (peer, _, onCleanup) => {
    if (!peer) return
    const timer = setTimeout(settle, MOVE_MS)
    onCleanup(() => clearTimeout(timer))
  })
  watch(people, () => {
    const them = people.value.find(person => person.id === moving.value)
    if (!them) return
    const voice = them.sounds.microphone
    // Whoever has just come has sent nothing yet; that is not silence.
    const silent = !them.microphone && !direct.remote.microphone
    if (silent || voice?.muted === false) settle()
    else voice?.addEventListener('unmute', settle, { once: true })
  })

  function settle(): void {
    moving.value = undefined
    direct.moved()
  }

  return moving
}
