import type { Uuid } from '@/api'
import type { RoomPerson } from './person'

/** Who is shown where in a group call: decisions without elements or sizes. */

export type Layout = 'grid' | 'speaker'

/** A tile: somebody, or the screen they show. */
export interface TileKey {
  readonly who: Uuid
  readonly what: 'person' | 'screen'
}

interface Scene {
  /** What takes the stage; without it everybody is alike. */
  readonly stage?: TileKey
  readonly people: readonly TileKey[]
}

interface Wishes {
  readonly layout: Layout
  /** What somebody put on the stage by hand. */
  readonly pinned?: TileKey
  /** Who has the floor. */
  readonly floor?: Uuid
}

/** What was pinned, else the newest screen, else in the speaker layout whoever has the floor. */
export function scene(people: readonly RoomPerson[], { layout, pinned, floor }: Wishes): Scene {
  const screens = people
    .filter(person => person.screen && !person.me)
    .sort((a, b) => b.screenSince - a.screenSince)
    .map((person): TileKey => ({ who: person.id, what: 'screen' }))
  const all = [...screens, ...people.map((person): TileKey => ({ who: person.id, what: 'person' }))]
  const stage =
    all.find(tile => pinned && same(tile, pinned)) ??
    screens[0] ??
    (layout === 'speaker' ? speaker(people, floor) : undefined)
  return { stage, people: stage ? all.filter(tile => !same(tile, stage)) : all }
}

export function same(a: TileKey | undefined, b: TileKey | undefined): boolean {
  return a !== undefined && a.who === b?.who && a.what === b.what
}

/** Alone with the strip empty, a stage would show nothing but oneself. */
function speaker(people: readonly RoomPerson[], floor?: Uuid): TileKey | undefined {
  const others = people.filter(person => !person.me)
  const one = others.find(person => person.id === floor) ?? others[0]
  return one && { who: one.id, what: 'person' }
}

/** Whoever speaks keeps the floor until somebody else speaks into their silence; one never sees oneself take it. */
export function nextFloor(before: Uuid | undefined, people: readonly RoomPerson[]): Uuid | undefined {
  const others = people.filter(person => !person.me)
  const holder = others.find(person => person.id === before)
  if (holder?.speaking) return holder.id
  return others.find(person => person.speaking)?.id ?? holder?.id
}

/**
 * Who of many gets one of `room` tiles: everybody in the order of coming, but whoever spoke within memory, or shows a
 * picture, before those who did not. The order of those shown stays that of coming, so that faces do not jump about.
 */
export function visible(
  tiles: readonly TileKey[],
  room: number,
  people: readonly RoomPerson[],
  spoke: readonly Uuid[],
): TileKey[] {
  if (tiles.length <= room) return [...tiles]
  const worth = ({ who, what }: TileKey): number => {
    const person = people.find(one => one.id === who)
    const recent = spoke.indexOf(who)
    return (
      (what === 'screen' ? 1000 : 0) +
      (recent >= 0 ? 100 - recent : 0) +
      (person?.camera ? 10 : 0) +
      (person?.me ? 5 : 0)
    )
  }
  const chosen = new Set([...tiles].sort((a, b) => worth(b) - worth(a)).slice(0, room))
  return tiles.filter(tile => chosen.has(tile))
}

/** Who spoke lately, last first. */
export function remember(spoke: readonly Uuid[], people: readonly RoomPerson[], most = 16): readonly Uuid[] {
  const now = people
    .filter(person => person.speaking && !spoke.slice(0, 1).includes(person.id))
    .map(person => person.id)
  if (!now.length) return spoke
  return [...now, ...spoke.filter(id => !now.includes(id))].slice(0, most)
}
