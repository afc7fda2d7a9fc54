import { ApiError, socket, type Uuid } from '@/api'
import { errorText } from '@/shared/errors'
import type { Effect, Input } from './directCall'

/** A server that cannot let us back in yet is asked again. */
const ASK_AGAIN_MS = 1000

type Request = Extract<Effect, { do: 'send' }>['frame']

interface Requests {
  feed: (input: Input) => void
  /** The call in hand. */
  callId: () => Uuid | undefined
}

/** Says to the server what the machine wants said, and feeds the machine what becomes of it. */
export function useDirectRequests({ feed, callId }: Requests) {
  /** Hung up while the server was away, so that it has not heard of it. */
  let owed: { callId: Uuid; fact?: string } | undefined

  function send(frame: Request, fact?: string): void {
    socket.request(frame).catch(error => {
      const code = error instanceof ApiError ? error.code : 'unknown'
      const later = error instanceof ApiError && error.retryable
      switch (frame.type) {
        case 'call_hangup':
          return void (later && (owed = { callId: frame.call_id, fact }))
        case 'call_resume':
          return later
            ? askAgain(frame, code)
            : feed({ type: 'not_resumed', callId: frame.call_id, over: code === 'call_over' })
        case 'call_start':
        case 'call_accept':
          return feed({ type: 'refused', callId: frame.call_id, refusal: { code, message: errorText(error) } })
      }
    })
  }

  /** A server that cannot say yet; a new socket asks by itself. */
  function askAgain(frame: Request, code: string): void {
    if (code === 'offline') return
    setTimeout(() => callId() === frame.call_id && socket.state.value === 'live' && send(frame), ASK_AGAIN_MS)
  }

  /** Tells a server that is back what it has not heard; one that has forgotten the call is shown it first. */
  async function settle({ calls: known }: { calls: readonly { id: Uuid }[] }): Promise<void> {
    if (!owed) return
    const { callId, fact } = owed
    owed = undefined
    try {
      if (fact && !known.some(one => one.id === callId))
        await socket.request({ type: 'call_resume', call_id: callId, fact })
      await socket.request({ type: 'call_hangup', call_id: callId })
    } catch (error) {
      if (error instanceof ApiError && error.code === 'offline') owed ??= { callId, fact }
    }
  }

  return { send, settle }
}
