import { watch, type Ref } from 'vue'
import type { CallTicket } from '@/api'
import { useLocal } from '../devices/local.store'
import type { Slot } from '../devices/slots'
import { farewell } from '../devices/sounds'
import type { CloseReason } from './groupCallState'
import type { MediaRoom } from './mediaRoom'
import type { RoomPerson } from './person'

interface GroupMediaOptions {
  onPeople: (people: RoomPerson[]) => void
  onState: (state: 'entered' | 'reconnecting') => void
  onClosed: (reason: CloseReason) => void
  /** Whether the call of the ticket is still wanted once the library has come. */
  isWanted: (ticket: CallTicket) => boolean
  /** What somebody else turned off. */
  turnedOff: Ref<Slot | undefined>
}

/** The media of the group call in hand: its room, and what is sent into it. */
export function useGroupMedia({ onPeople, onState, onClosed, isWanted, turnedOff }: GroupMediaOptions) {
  const local = useLocal()
  let room: MediaRoom | undefined
  let stopSending: (() => void) | undefined

  async function enter(ticket: CallTicket): Promise<void> {
    close()
    const { MediaRoom } = await import('./mediaRoom')
    if (!isWanted(ticket)) return
    const mine = new MediaRoom({
      onPeople,
      onState,
      onClosed: reason => mine === room && onClosed(reason),
      onTurnedOff: turnOff,
    })
    room = mine
    void mine.mute('microphone', local.media?.on.microphone === false)
    stopSending = local.sendTo(mine)
    await mine.enter(ticket.url, ticket.token)
  }

  /** The device follows, so that what the person sees is true and turning it on again takes one click. */
  function turnOff(slot: Slot): void {
    turnedOff.value = slot
    if (slot === 'microphone') local.setMicrophone(false)
    else if (slot === 'camera' && local.media?.on.camera) local.toggleCamera()
    else if (local.media?.on.screen) local.toggleScreen()
  }

  /** Leaves the room as it is, for another or for good. */
  function close(): void {
    stopSending?.()
    room?.close()
    room = stopSending = undefined
  }

  /** Leaves the call, which is heard. */
  function exit(): void {
    if (room) farewell()
    close()
  }

  watch(
    () => local.media?.on.microphone,
    on => {
      void room?.mute('microphone', on === false)
      if (on) turnedOff.value = undefined
    },
  )

  return { enter, close, exit }
}
