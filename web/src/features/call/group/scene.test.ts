import { describe, expect, it } from 'vitest'
import type { RoomPerson } from './person'
import { nextFloor, remember, same, scene, visible, type TileKey } from './scene'

const person = (id: string, changes: Partial<RoomPerson> = {}): RoomPerson => ({
  id,
  name: id,
  me: id === 'me',
  microphone: true,
  camera: false,
  screen: false,
  screenSince: 0,
  speaking: false,
  quality: 'good',
  pictures: {},
  paused: { camera: false, screen: false },
  sounds: {},
  ...changes,
})
const [ann, ben, me] = [person('ann'), person('ben'), person('me')]
const tile = (who: string, what: TileKey['what'] = 'person'): TileKey => ({ who, what })
const who = (tiles: readonly TileKey[]) => tiles.map(one => (one.what === 'screen' ? `${one.who}'s screen` : one.who))

describe('the scene', () => {
  it('shows everybody alike in the grid', () => {
    expect(scene([ann, ben, me], { layout: 'grid' })).toEqual({
      stage: undefined,
      people: [tile('ann'), tile('ben'), tile('me')],
    })
  })

  it('puts whoever has the floor on the stage in the speaker layout, never oneself', () => {
    const wishes = { layout: 'speaker', floor: 'ben' } as const
    expect(scene([ann, ben, me], wishes).stage).toEqual(tile('ben'))
    expect(who(scene([ann, ben, me], wishes).people)).toEqual(['ann', 'me'])
    expect(scene([ann, me], { layout: 'speaker', floor: 'me' }).stage).toEqual(tile('ann'))
    expect(scene([me], { layout: 'speaker' }).stage).toBeUndefined()
  })

  it('gives the stage to the newest screen in any layout, and to what is pinned before that', () => {
    const people = [{ ...ann, screen: true, screenSince: 1 }, { ...ben, screen: true, screenSince: 2 }, me]
    const shown = scene(people, { layout: 'grid' })
    expect(shown.stage).toEqual(tile('ben', 'screen'))
    expect(who(shown.people)).toEqual(["ann's screen", 'ann', 'ben', 'me'])
    expect(scene(people, { layout: 'grid', pinned: tile('ann') }).stage).toEqual(tile('ann'))
    expect(scene(people, { layout: 'grid', pinned: tile('gone') }).stage).toEqual(tile('ben', 'screen'))
  })

  it("does not show one's own screen in itself", () => {
    expect(who(scene([ann, { ...me, screen: true, screenSince: 1 }], { layout: 'grid' }).people)).toEqual(['ann', 'me'])
  })

  it('knows a tile again', () => {
    expect(same(tile('ann'), tile('ann'))).toBe(true)
    expect(same(tile('ann'), tile('ann', 'screen'))).toBe(false)
    expect(same(undefined, undefined)).toBe(false)
  })
})

describe('the floor', () => {
  const speaks = (one: RoomPerson) => ({ ...one, speaking: true })

  it('stays with whoever speaks until somebody speaks into their silence', () => {
    expect(nextFloor(undefined, [ann, ben, me])).toBeUndefined()
    expect(nextFloor(undefined, [ann, speaks(ben), me])).toBe('ben')
    expect(nextFloor('ben', [speaks(ann), speaks(ben), me])).toBe('ben')
    expect(nextFloor('ben', [ann, ben, me])).toBe('ben')
    expect(nextFloor('ben', [speaks(ann), ben, me])).toBe('ann')
    expect(nextFloor('ben', [ann, me])).toBeUndefined()
    expect(nextFloor('ben', [ann, ben, speaks(me)])).toBe('ben')
  })

  it('remembers who spoke, last first and each once', () => {
    const first = remember([], [speaks(ann), ben])
    expect(first).toEqual(['ann'])
    expect(remember(first, [speaks(ann), ben])).toBe(first)
    expect(remember(first, [speaks(ann), speaks(ben)])).toEqual(['ben', 'ann'])
    expect(remember(['ben', 'ann'], [speaks(ann)])).toEqual(['ann', 'ben'])
  })
})

describe('more people than tiles', () => {
  const many = Array.from({ length: 9 }, (_, n) => person(`p${n}`))
  const tiles = [...many, me].map(one => tile(one.id))

  it('shows all while there is room', () => {
    expect(visible(tiles, 10, [...many, me], [])).toEqual(tiles)
  })

  it('keeps who spoke, cameras and oneself, in their order', () => {
    const people = [...many.slice(0, 7), person('p7', { camera: true }), many[8]!, me]
    expect(who(visible(tiles, 4, people, ['p8', 'p2']))).toEqual(['p2', 'p7', 'p8', 'me'])
  })
})
