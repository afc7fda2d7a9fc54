import { describe, expect, it } from 'vitest'
import { fills, grid, gridRoom, stage, stripRoom, type Box, type Size } from './layout'

const areas: Size[] = [
  { width: 1440, height: 800 },
  { width: 390, height: 700 },
  { width: 800, height: 800 },
  { width: 2400, height: 300 },
]

const inside = (box: Box, area: Size) =>
  box.x >= -0.01 && box.y >= -0.01 && box.x + box.width <= area.width + 0.01 && box.y + box.height <= area.height + 0.01

const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x + 0.01 ||
  b.x + b.width <= a.x + 0.01 ||
  a.y + a.height <= b.y + 0.01 ||
  b.y + b.height <= a.y + 0.01

function expectTidy(boxes: Box[], area: Size) {
  for (const [i, box] of boxes.entries()) {
    expect(inside(box, area)).toBe(true)
    for (const other of boxes.slice(i + 1)) expect(apart(box, other)).toBe(true)
  }
}

describe('grid', () => {
  it('puts two people side by side on a desktop and above each other on a phone', () => {
    const [a, b] = grid(2, areas[0]!)
    expect(a!.y).toBe(b!.y)
    const [c, d] = grid(2, areas[1]!)
    expect(c!.x).toBe(d!.x)
  })

  it('keeps any number of tiles inside, apart, equal and between 4:3 and 16:9', () => {
    for (const area of areas) {
      for (let count = 1; count <= 30; count++) {
        const boxes = grid(count, area)
        expect(boxes).toHaveLength(count)
        expectTidy(boxes, area)
        for (const { width, height } of boxes) {
          expect(width).toBeCloseTo(boxes[0]!.width)
          expect(width / height).toBeGreaterThan(4 / 3 - 0.001)
          expect(width / height).toBeLessThan(16 / 9 + 0.001)
        }
      }
    }
  })

  it('covers no less with any other number of columns', () => {
    const area = { width: 1200, height: 700 }
    const [tile] = grid(7, area)
    // Three columns and three rows: a tile may be at most (700 - 16) / 3 high and 16:9 wide.
    expect(tile!.width * tile!.height).toBeGreaterThanOrEqual((684 / 3) * (684 / 3) * (4 / 3))
  })

  it('centres a short last row', () => {
    const boxes = grid(3, { width: 1000, height: 760 })
    expect(boxes[2]!.x + boxes[2]!.width / 2).toBeCloseTo(500)
  })

  it('has nothing to place without people or room', () => {
    expect(grid(0, areas[0]!)).toEqual([])
    expect(grid(3, { width: 0, height: 10 })).toEqual([])
  })
})

describe('stage', () => {
  it('gives the screen most of the area and everybody a place', () => {
    for (const area of areas) {
      for (let people = 0; people <= 12; people++) {
        const boxes = stage(people, area)
        expect(boxes.people).toHaveLength(people)
        expectTidy([boxes.stage, ...boxes.people], area)
        expect(boxes.stage.width * boxes.stage.height).toBeGreaterThan(0.7 * area.width * area.height)
      }
    }
  })

  it('puts the strip at the side of a wide area and below in a tall one', () => {
    expect(stage(2, areas[0]!).people[0]!.x).toBeGreaterThan(1000)
    expect(stage(2, areas[1]!).people[0]!.y).toBeGreaterThan(400)
  })

  it('leaves what it has no use for to the people below', () => {
    const phone = areas[1]!
    for (let people = 1; people <= 6; people++) {
      const boxes = stage(people, phone, 0.75)
      expectTidy([boxes.stage, ...boxes.people], phone)
      expect(boxes.stage.height).toBeLessThanOrEqual(phone.width * 0.75)
      expect(boxes.people[0]!.width).toBeGreaterThanOrEqual(stage(people, phone).people[0]!.width)
    }
    expect(stripRoom(phone, 0.75)).toBeGreaterThan(stripRoom(phone))
  })
})

describe('room', () => {
  it('is for a screenful of tiles that show somebody', () => {
    for (const area of areas) {
      const most = gridRoom(area)
      const [tile] = grid(most, area)
      expect(most).toBeGreaterThan(1)
      expect(tile!.width).toBeGreaterThanOrEqual(140)
    }
    expect(gridRoom({ width: 100, height: 50 })).toBe(1)
    expect(gridRoom({ width: 4000, height: 3000 })).toBe(25)
  })

  it('in a strip is for tiles that can be told apart', () => {
    for (const area of areas) {
      const { people } = stage(stripRoom(area), area)
      expect(Math.min(...people.map(box => box.width))).toBeGreaterThan(70)
    }
  })
})

describe('a picture', () => {
  const [wide, old, portrait] = [
    { width: 1280, height: 720 },
    { width: 640, height: 480 },
    { width: 720, height: 1280 },
  ]

  it('fills a tile of about its shape, and is shown whole where faces would be cut', () => {
    expect(fills(wide, { width: 400, height: 300 })).toBe(true)
    expect(fills(old, { width: 1600, height: 900 })).toBe(true)
    expect(fills(portrait, { width: 390, height: 600 })).toBe(true)
    expect(fills(portrait, { width: 400, height: 300 })).toBe(false)
    expect(fills(wide, { width: 390, height: 600 })).toBe(false)
  })

  it('that has no size yet waits for it', () => {
    expect(fills({ width: 0, height: 0 }, wide)).toBe(true)
  })
})
