import { expect, it } from 'vitest'
import { boxOf, sizeText } from './attachments'

it.each([[0, '0 B'], [999, '999 B'], [1434, '1.4 KB'], [150 * 1024, '150 KB'], [5 * 1024 ** 2, '5.0 MB']])('%i bytes read as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text)
})

it('a picture keeps its shape inside the box', () => {
  expect(boxOf(1600, 1200)).toEqual({ width: 320, height: 240 })
  expect(boxOf(600, 2400)).toEqual({ width: 96, height: 320 })
  expect(boxOf(200, 100)).toEqual({ width: 200, height: 100 })
})
