/** Where tiles go: pure geometry in pixels, no elements. */

export interface Size {
  readonly width: number
  readonly height: number
}
export interface Box extends Size {
  readonly x: number
  readonly y: number
}

/** Tiles are between a portrait-friendly 4:3 and a cinematic 16:9; inside that, whatever fills more. */
const WIDEST = 16 / 9
const NARROWEST = 4 / 3

/** Tiles of the strip beside a shared screen stay recognisable but never compete with it. */
const STRIP_MAX = 240
const STRIP_SHARE = 0.24

/** Smaller tiles show nobody; more of them than a screenful is a wall, and costs as much as one. */
const TILE_MIN: Size = { width: 160, height: 90 }
const GRID_MAX = 25

/** How short a tile of the strip may become, along it. */
const STRIP_MIN = { beside: 84, below: 112 }

/** A picture of which less than this would be left to see in its tile is shown whole. */
const KEEP_LEAST = 0.6

/** Whether a picture may fill a tile. Where the shapes are too unlike, a portrait in a wide tile or the other way, faces would be cut. */
export function fills(picture: Size, tile: Size): boolean {
  const [a, b] = [picture.width * tile.height, picture.height * tile.width]
  return Math.min(a, b) >= KEEP_LEAST * Math.max(a, b)
}

/** How many tiles a grid has room for. */
export function gridRoom(area: Size, gap = 8): number {
  const fit = (length: number, least: number) => Math.max(1, Math.floor((length + gap) / (least + gap)))
  return Math.min(GRID_MAX, fit(area.width, TILE_MIN.width) * fit(area.height, TILE_MIN.height))
}

/** How many tiles there is room for beside or below a stage. */
export function stripRoom(area: Size, tallest = Infinity, gap = 8): number {
  const beside = isWide(area)
  const along = beside ? area.height : area.width
  const strip = Math.max(1, Math.floor((along + gap) / ((beside ? STRIP_MIN.beside : STRIP_MIN.below) + gap)))
  const { height } = stage(strip, area, tallest, gap).stage
  return beside ? strip : Math.max(strip, gridRoom({ width: area.width, height: area.height - height - gap }, gap))
}

/** `count` equal tiles covering as much of the area as they can, the last row centred. */
export function grid(count: number, area: Size, gap = 8): Box[] {
  if (count < 1 || area.width <= 0 || area.height <= 0) return []
  let best = { columns: 1, width: 0, height: 0 }
  for (let columns = 1; columns <= count; columns++) {
    const tile = largestTile(columns, Math.ceil(count / columns), area, gap)
    if (tile.width * tile.height > best.width * best.height) best = { columns, ...tile }
  }
  return place(count, best.columns, best, area, gap)
}

/**
 * A shared screen on the stage with people in a strip: at the side when the area is wide, below when it is tall. A stage
 * has no use for being more than `tallest` times as high as wide; what is left over is for the people below it.
 */
export function stage(people: number, area: Size, tallest = Infinity, gap = 8): { stage: Box; people: Box[] } {
  if (people < 1) return { stage: { x: 0, y: 0, ...area }, people: [] }
  const beside = isWide(area)
  const along = beside ? area.height : area.width
  const across = Math.min(STRIP_MAX, (beside ? area.width : area.height) * STRIP_SHARE)
  const tile = beside
    ? shrink({ width: across, height: across / WIDEST }, (along - gap * (people - 1)) / people / (across / WIDEST))
    : shrink({ width: across * WIDEST, height: across }, (along - gap * (people - 1)) / people / (across * WIDEST))
  const strip = beside ? { width: tile.width, height: area.height } : { width: area.width, height: tile.height }
  const boxes = place(people, beside ? 1 : people, tile, strip, gap)
  if (beside) {
    const width = area.width - strip.width - gap
    return {
      stage: { x: 0, y: 0, width, height: area.height },
      people: boxes.map(box => ({ ...box, x: box.x + width + gap })),
    }
  }
  const height = Math.min(area.height - strip.height - gap, area.width * tallest)
  const rest = { width: area.width, height: area.height - height - gap }
  const below = rest.height > strip.height ? grid(people, rest, gap) : boxes
  return {
    stage: { x: 0, y: 0, width: area.width, height },
    people: below.map(box => ({ ...box, y: box.y + height + gap })),
  }
}

function isWide(area: Size): boolean {
  return area.width >= area.height
}

function largestTile(columns: number, rows: number, area: Size, gap: number): Size {
  const width = Math.max(0, (area.width - gap * (columns - 1)) / columns)
  const height = Math.max(0, (area.height - gap * (rows - 1)) / rows)
  if (width > height * WIDEST) return { width: height * WIDEST, height }
  if (width < height * NARROWEST) return { width, height: width / NARROWEST }
  return { width, height }
}

function place(count: number, columns: number, tile: Size, area: Size, gap: number): Box[] {
  const rows = Math.ceil(count / columns)
  const top = (area.height - rows * tile.height - (rows - 1) * gap) / 2
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns)
    const inRow = Math.min(columns, count - row * columns)
    const left = (area.width - inRow * tile.width - (inRow - 1) * gap) / 2
    return {
      x: left + (index - row * columns) * (tile.width + gap),
      y: top + row * (tile.height + gap),
      width: tile.width,
      height: tile.height,
    }
  })
}

function shrink(size: Size, factor: number): Size {
  const by = Math.max(0, Math.min(1, factor))
  return { width: size.width * by, height: size.height * by }
}
