import { expect, it } from 'vitest'
import { clamped, cutOf } from './crop'

const wide = { width: 400, height: 200 }

it('cuts the middle when nothing was moved', () => {
  expect(cutOf({ x: 0, y: 0, zoom: 1 }, wide, 100)).toEqual({ x: 100, y: 0, side: 200 })
})

it('cuts the left when the picture was dragged to the right', () => {
  expect(cutOf({ x: 50, y: 0, zoom: 1 }, wide, 100)).toEqual({ x: 0, y: 0, side: 200 })
})

it('cuts half the side at twice the zoom', () => {
  expect(cutOf({ x: 0, y: 0, zoom: 2 }, wide, 100).side).toBe(100)
})

it('never leaves a corner of the frame empty', () => {
  expect(clamped({ x: 999, y: -999, zoom: 0.1 }, wide, 100)).toEqual({ x: 50, y: 0, zoom: 1 })
  expect(clamped({ x: -999, y: 30, zoom: 2 }, wide, 100)).toEqual({ x: -150, y: 30, zoom: 2 })
})
