import type { ComputedRef } from 'vue'
import { ApiError, type CallTicket, type GroupMedia, type Uuid } from '@/api'
import { errorText } from '@/shared/errors'
import { callOf, type GroupInput, type GroupPhase, type Target } from './groupCallState'
import { useGroupMedia } from './groupMedia'
import { requestTicket, untilAnswered } from './groupRequests'
import type { useGroupScene } from './groupScene'

interface Pass {
  readonly callId: Uuid
  readonly fact?: string
}

interface Entry {
  phase: ComputedRef<GroupPhase>
  feed: (input: GroupInput) => void
  scene: ReturnType<typeof useGroupScene>
}

/** The way into the room of a call, and out of it. */
export function useGroupEntry({ phase, feed, scene }: Entry) {
  /** The server's signature under our being in a call: it lets us back in even if the server has forgotten the call. */
  let pass: Pass | undefined
  const media = useGroupMedia({
    onPeople: scene.meet,
    onState: state => feed({ type: state }),
    onClosed: reason => feed({ type: 'closed', reason }),
    isWanted: ({ call }) => callOf(phase.value)?.id === call.id && phase.value.kind === 'joining',
    turnedOff: scene.shown.turnedOff,
  })

  const factFor = (target: Target) => ('callId' in target && pass?.callId === target.callId ? pass.fact : undefined)

  async function ask(target: Target, wanted: GroupMedia): Promise<void> {
    const asked = phase.value
    // A room that is asked for anew is lost; what it may still say is no news.
    media.close()
    try {
      const ticket = await untilAnswered(
        () => requestTicket(target, wanted, factFor(target)),
        () => phase.value === asked && 'since' in asked && asked.since !== undefined,
      )
      if (phase.value === asked) feed({ type: 'ticket', ticket })
    } catch (error) {
      const code = error instanceof ApiError ? error.code : 'unknown'
      if (phase.value === asked) feed({ type: 'refused', refusal: { code, message: errorText(error) } })
    }
  }

  async function enter(ticket: CallTicket): Promise<void> {
    pass = { callId: ticket.call.id, fact: ticket.fact }
    await media.enter(ticket)
  }

  return { ask, enter, exit: media.exit, pass: () => pass, present: (shown: Pass) => (pass = shown) }
}
