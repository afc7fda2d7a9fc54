import type { Uuid } from '@/api'

/** What the page was in when it was loaded anew, so that it goes back there. */
interface GroupSeat {
  readonly callId: Uuid
  readonly fact?: string
  readonly camera: boolean
  readonly microphone: boolean
}

const KEY = 'beckon.seat'

export function keepGroupSeat(seat: GroupSeat): void {
  sessionStorage.setItem(KEY, JSON.stringify(seat))
}

export function groupSeat(): GroupSeat | null {
  return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as GroupSeat | null
}

export function leaveGroupSeat(): void {
  sessionStorage.removeItem(KEY)
}
