import { expect, it } from 'vitest'
import type { Signal } from '@/api'
import { Outbox, type Delivery } from './signalOutbox'

const offer = (sdp: string): Signal => ({ kind: 'offer', sdp })

it('keeps the order and repeats what did not get through', async () => {
  const seen: string[] = []
  let delivery: Delivery = 'sent'
  const outbox = new Outbox(async signal => {
    seen.push((signal as { sdp: string }).sdp)
    return delivery
  })
  outbox.push(offer('a'))
  outbox.push(offer('b'))
  await outbox.flush()
  await expect.poll(() => seen).toEqual(['a', 'b'])

  delivery = 'offline'
  outbox.push(offer('c'))
  outbox.push(offer('d'))
  await expect.poll(() => seen).toEqual(['a', 'b', 'c'])
  delivery = 'sent'
  await outbox.flush()
  expect(seen).toEqual(['a', 'b', 'c', 'c', 'd'])
})

it('forgets everything when the call is over', async () => {
  const seen: Signal[] = []
  const outbox = new Outbox(async signal => {
    seen.push(signal)
    return 'refused'
  })
  outbox.push(offer('a'))
  outbox.push(offer('b'))
  await outbox.flush()
  expect(seen.length).toBeLessThanOrEqual(1)
})
