/** The geometry of cutting a square out of a picture, without the picture. */

export interface Size {
  width: number
  height: number
}
/** Where the picture's middle lies from the frame's middle, in frame pixels, and how much it is enlarged. */
export interface Placement {
  x: number
  y: number
  zoom: number
}

export const ZOOM_MAX = 4

/** How large one picture pixel is in the frame when the picture just covers it. */
export function coverScale(picture: Size, frame: number): number {
  return frame / Math.min(picture.width, picture.height)
}

/** The nearest placement in which the picture leaves no corner of the frame empty. */
export function clamped(placement: Placement, picture: Size, frame: number): Placement {
  const zoom = Math.min(ZOOM_MAX, Math.max(1, placement.zoom))
  const scale = coverScale(picture, frame) * zoom
  const room = { x: (picture.width * scale - frame) / 2, y: (picture.height * scale - frame) / 2 }
  return { zoom, x: within(placement.x, room.x), y: within(placement.y, room.y) }
}

/** The square of the picture that is seen in the frame, in picture pixels. */
export function cutOf({ x, y, zoom }: Placement, picture: Size, frame: number): { x: number; y: number; side: number } {
  const scale = coverScale(picture, frame) * zoom
  const side = frame / scale
  return { side, x: picture.width / 2 - x / scale - side / 2, y: picture.height / 2 - y / scale - side / 2 }
}

function within(value: number, room: number): number {
  return Math.min(room, Math.max(-room, value)) || 0
}
