import type { Uuid } from '@/api'
import type { Picture } from '../tiles/picture'

/** Somebody in a room, as the screen needs to know them; nothing of the library that carries their media. */
export interface RoomPerson {
  readonly id: Uuid
  /** What they call themselves. */
  readonly name: string
  readonly me: boolean
  /** Whether each is on. */
  readonly microphone: boolean
  readonly camera: boolean
  readonly screen: boolean
  /** Grows with every screen that comes. */
  readonly screenSince: number
  readonly speaking: boolean
  readonly quality: 'good' | 'weak' | 'lost'
  readonly pictures: { readonly camera?: Picture; readonly screen?: Picture }
  /** What the server does not send for now, because the way to us carries no more. */
  readonly paused: { readonly camera: boolean; readonly screen: boolean }
  readonly sounds: { readonly microphone?: MediaStreamTrack; readonly screen_sound?: MediaStreamTrack }
}
