import type { Uuid } from '@/api'
import type { Call } from './directCall'

/** What a page was in when it was loaded anew, so that it goes back there. Lives as long as its tab. */
interface Seat {
  readonly me: Uuid
  readonly call: Call
  readonly agreedAt: number
  readonly camera: boolean
  readonly microphone: boolean
  /** When the page went away. */
  readonly leftAt: number
}

const KEY = 'beckon.call'

/** A page that comes back later has left its call: the server waits for 15 s. A little more, for clocks and slow lines. */
const RETURN_MS = 30_000

export function keepSeat(seat: Seat): void {
  sessionStorage.setItem(KEY, JSON.stringify(seat))
}

/** The seat of a page that has just been loaded: once, so that a tab that is duplicated later has none. */
export function takeSeat(me: Uuid, now: number): Seat | undefined {
  const seat = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Seat | null
  sessionStorage.removeItem(KEY)
  return seat?.me === me && now - seat.leftAt < RETURN_MS ? seat : undefined
}
