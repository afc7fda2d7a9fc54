import { expect, it } from 'vitest'
import type { Message } from '@/api'
import { recallable } from './recall'

const message = { seq: 5, sender_id: 'me', at: 1000, body: { type: 'text', text: 'x' } } as Message

it('can be taken back by its sender within two minutes', () => {
  expect(recallable(message, 'me', 1000 + 119_999)).toBe(true)
  expect(recallable(message, 'me', 1000 + 120_000)).toBe(false)
  expect(recallable(message, 'other', 1001)).toBe(false)
  expect(recallable({ ...message, body: { type: 'recalled' } }, 'me', 1001)).toBe(false)
})
