import { describe, expect, it } from 'vitest'
import type { GroupCall } from '@/api'
import { callIn, welcomed, withCall, type LiveCalls } from './liveCalls'

const call = (id: string, changes: Partial<GroupCall> = {}): GroupCall => ({
  id,
  conversation_id: 'hike',
  media: 'video',
  started_by: 'ann',
  started_at: 1,
  state: 'active',
  participants: [],
  invited: [],
  size_max: 100,
  moderators: ['ann'],
  ...changes,
})
const none: LiveCalls = new Map()

describe('the calls that are going on', () => {
  it('come and go with the frames about them', () => {
    const one = withCall(none, call('a'))
    expect(callIn(one, 'hike')?.id).toBe('a')
    expect(callIn(one, 'elsewhere')).toBeUndefined()
    expect(callIn(withCall(one, call('a', { state: 'over' })), 'hike')).toBeUndefined()
  })

  it('are what a new socket is told, and stay when one is resumed', () => {
    const one = withCall(none, call('a'))
    expect([...welcomed(one, [call('b')]).keys()]).toEqual(['b'])
    expect([...welcomed(one, [call('b')], true).keys()]).toEqual(['a', 'b'])
    expect([...welcomed(one, []).keys()]).toEqual([])
  })

  it('show the younger of two in one conversation', () => {
    const both = welcomed(none, [call('new', { started_at: 9 }), call('old', { started_at: 2 })])
    expect(callIn(both, 'hike')?.id).toBe('new')
  })
})
