import { useStorage } from '@vueuse/core'
import { ref, shallowRef } from 'vue'
import type { GroupMedia, Me, Uuid } from '@/api'
import type { Slot } from '../devices/slots'
import type { RoomPerson } from './person'
import { nextFloor, remember, same, type Layout, type TileKey } from './scene'

/** What the screen shows of a group call: who is there, and who has the stage. */
export function useGroupScene() {
  const people = shallowRef<readonly RoomPerson[]>([])
  const layout = useStorage<Layout>('beckon.layout', 'grid')
  const pinned = shallowRef<TileKey>()
  const floor = ref<Uuid>()
  const spoke = shallowRef<readonly Uuid[]>([])
  /** What somebody else turned off. */
  const turnedOff = ref<Slot>()

  function meet(now: readonly RoomPerson[]): void {
    people.value = now
    floor.value = nextFloor(floor.value, now)
    spoke.value = remember(spoke.value, now)
  }

  function clear(): void {
    people.value = []
    floor.value = turnedOff.value = pinned.value = undefined
    spoke.value = []
  }

  const pin = (tile: TileKey) => (pinned.value = same(tile, pinned.value) ? undefined : tile)
  return { shown: { people, layout, pinned, floor, spoke, turnedOff, pin }, meet, clear }
}

/** Oneself, until the room tells who else is there. */
export function alone({ id, nickname }: Me, media: GroupMedia, muted = false): RoomPerson[] {
  return [
    {
      id,
      name: nickname,
      me: true,
      microphone: !muted,
      camera: media === 'video',
      screen: false,
      screenSince: 0,
      speaking: false,
      quality: 'good',
      pictures: {},
      paused: { camera: false, screen: false },
      sounds: {},
    },
  ]
}
