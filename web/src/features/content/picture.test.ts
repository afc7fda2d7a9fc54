// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import type { ImageBody } from '@/api'
import { sizeText } from './attachment'
import { boxOf, pictureUrl } from './picture'

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1434, '1.4 KB'],
  [150 * 1024, '150 KB'],
  [5 * 1024 ** 2, '5.0 MB'],
])('%i bytes read as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text)
})

it('a picture keeps its shape inside the box', () => {
  expect(boxOf(1600, 1200)).toEqual({ width: 320, height: 240 })
  expect(boxOf(600, 2400)).toEqual({ width: 96, height: 320 })
  expect(boxOf(200, 100)).toEqual({ width: 200, height: 100 })
})

const image = (mime: string, size: number) =>
  pictureUrl({ type: 'image', file_id: 'f', mime, size, name: '', width: 1, height: 1 } as ImageBody, false)

it.each([
  ['image/gif', 5_000_000],
  ['image/webp', 600_000],
  ['image/png', 500_000],
  ['image/jpeg', 100_000],
])('shows %s of %d bytes as it is: it may move, or is small', (mime, size) => {
  expect(image(mime, size)).toMatch(/files\/f$/)
})
it.each([
  ['image/gif', 50_000_000],
  ['image/webp', 5_000_000],
  ['image/jpeg', 3_000_000],
  ['image/avif', 1],
])('shows the thumbnail of %s of %d bytes', (mime, size) => {
  expect(image(mime, size)).toMatch(/thumbnail$/)
})
it('lets nothing move for somebody who asked for that', () => {
  expect(pictureUrl({ file_id: 'f', mime: 'image/gif', size: 9 } as ImageBody, true)).toMatch(/thumbnail$/)
})
