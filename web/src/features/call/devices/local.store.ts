import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Media } from '@/api'
import { SLOTS, type Slot } from './slots'
import { LocalMedia, type DeviceKind, type Trouble } from './localMedia'
import { preferredDevice } from './useDevices'

/** Where tracks go: a direct connection, a room, or both while a call moves from the one to the other. */
export interface Sink {
  put(slot: Slot, track: MediaStreamTrack | null): Promise<void>
}

/** What this side sends in the call in hand, of whatever kind it is. */
export const useLocal = defineStore('local', () => {
  const media = shallowRef<LocalMedia>()
  /** What each thing that should be sent suffers from. */
  const troubles = shallowRef<Partial<Record<Slot, Trouble['why']>>>({})
  const sinks = new Set<Sink>()

  /** Opens what the call begins with; a call without any device still shows and plays the other side. */
  function open(wanted: Media, { muted = false } = {}): void {
    close()
    const mine = new LocalMedia({
      preferred: preferredDevice,
      onTrack: (slot, track) => sinks.forEach(sink => void sink.put(slot, track)),
      onTrouble: ({ slot, why }) => (troubles.value = { ...troubles.value, [slot]: why }),
    })
    media.value = mine
    void mine.start({ camera: wanted === 'video', microphone: !muted })
    if (wanted === 'screen') void mine.setScreen(true)
  }

  function close(): void {
    media.value?.close()
    media.value = undefined
    troubles.value = {}
  }

  /** Sends what is open, and whatever opens later, until the returned function is called. */
  function sendTo(sink: Sink): () => void {
    sinks.add(sink)
    for (const slot of SLOTS) void sink.put(slot, media.value?.tracks[slot] ?? null)
    return () => sinks.delete(sink)
  }

  /** A new try: what was wrong before is told again only if it still is. */
  function attempt(act: (mine: LocalMedia) => Promise<void>): void {
    troubles.value = {}
    if (media.value) void act(media.value)
  }

  return {
    media,
    troubles,
    open,
    close,
    sendTo,
    setMicrophone: (on: boolean) => attempt(mine => mine.setMicrophone(on)),
    toggleMicrophone: () => attempt(mine => mine.setMicrophone(!mine.on.microphone)),
    toggleCamera: () => attempt(mine => mine.setCamera(!mine.on.camera)),
    toggleScreen: () => attempt(mine => mine.setScreen(!mine.on.screen)),
    changeDevice: (kind: DeviceKind) => attempt(mine => mine.change(kind)),
    clearTroubles: () => (troubles.value = {}),
  }
})
