import { expect, it } from 'vitest'
import type { Message } from '@/api'
import { recallable } from './recall'

const message = { seq: 5, sender_id: 'me', at: 1000, body: { type: 'text', text: 'x' } } as Message

it('can be taken back by its sender within the time the server gives', () => {
  expect(recallable(message, 'me', 1000 + 59_999, 60_000)).toBe(true)
  expect(recallable(message, 'me', 1000 + 60_000, 60_000)).toBe(false)
  expect(recallable(message, 'other', 1001, 60_000)).toBe(false)
  expect(recallable({ ...message, body: { type: 'recalled' } }, 'me', 1001, 60_000)).toBe(false)
})
