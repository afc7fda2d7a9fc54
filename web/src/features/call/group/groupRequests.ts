import { api, ApiError, type CallTicket, type GroupMedia, type MuteSource, type Uuid } from '@/api'
import { showError } from '@/shared/errors'
import type { Target } from './groupCallState'

/** A server that restarts is asked for the room again and again, for as long as anybody waits. */
const ASK_AGAIN_MS = 1000
const ASK_FOR_MS = 45_000

/** Asks for the room of a call; `fact` lets us back in even if the server has forgotten the call. */
export function requestTicket(target: Target, media: GroupMedia, fact?: string): Promise<CallTicket> {
  if ('conversationId' in target)
    return api.post('/conversations/{id}/call', { params: { path: { id: target.conversationId } }, body: { media } })
  return api.post('/group-calls/{call_id}/join', {
    params: { path: { call_id: target.callId } },
    body: fact ? { fact } : undefined,
  })
}

/** Whoever was inside waits for a server that is away for a moment. */
export async function untilAnswered<T>(question: () => Promise<T>, waits: () => boolean): Promise<T> {
  for (const until = Date.now() + ASK_FOR_MS; ;) {
    try {
      return await question()
    } catch (error) {
      const later = error instanceof ApiError && error.retryable && waits() && Date.now() < until
      if (!later) throw error
      await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
    }
  }
}

export function declineCall(callId: Uuid): void {
  api.post('/group-calls/{call_id}/decline', { params: { path: { call_id: callId } } }).catch(() => {})
}

/** What a moderator can do; a refusal is shown. */
export function useModeration(callId: () => Uuid | undefined) {
  const at = (userId: Uuid) => ({ path: { call_id: callId() ?? '', user_id: userId } })

  async function mute(userId: Uuid, source: MuteSource): Promise<void> {
    const act = api.post('/group-calls/{call_id}/people/{user_id}/mute', { params: at(userId), body: { source } })
    await act.catch(showError)
  }

  async function remove(userId: Uuid): Promise<void> {
    await api.delete('/group-calls/{call_id}/people/{user_id}', { params: at(userId) }).catch(showError)
  }

  return { mute, remove }
}
