import { describe, expect, it } from 'vitest'
import type { GroupCall, Profile } from '@/api'
import {
  callOf,
  inHand,
  next,
  NO_GROUP_CALLS,
  type GroupCalls,
  type GroupEffect,
  type GroupInput,
  type GroupPhase,
} from './groupCallState'

const profile = (id: string): Profile => ({ id, name: id, nickname: id, relation: 'contact' })
const [alice, bob, carol] = [profile('alice'), profile('bob'), profile('carol')]

const call = (id: string, changes: Partial<GroupCall> = {}): GroupCall => ({
  id,
  conversation_id: `chat of ${id}`,
  media: 'video',
  started_by: 'bob',
  started_at: 1,
  state: 'active',
  participants: [bob],
  invited: [],
  size_max: 100,
  moderators: ['bob'],
  ...changes,
})
const ticket = (id: string): GroupInput => ({
  type: 'ticket',
  ticket: { call: call(id), url: 'wss://here', token: 't' },
})
const join = (callId: string): GroupInput => ({ type: 'join', target: { callId }, media: 'voice' })
const told = (one: GroupCall): GroupInput => ({ type: 'group_call', call: one })
const rung = (id: string, changes: Partial<GroupCall> = {}): GroupInput => ({
  type: 'group_call_ringing',
  call: call(id, { invited: [alice], ...changes }),
  by: bob,
})
const refused = (code: string): GroupInput => ({ type: 'refused', refusal: { code, message: code } })
const welcome = (recovered: boolean, ...group_calls: GroupCall[]): GroupInput => ({
  type: 'welcome',
  socket_id: 's',
  recovered,
  user_id: 'alice',
  login_id: 'l',
  server_time: 0,
  client_min: 0,
  calls: [],
  group_calls,
})

/** Alice's device: feeds inputs and remembers the effects of the last one. */
class Device {
  calls: GroupCalls = NO_GROUP_CALLS
  effects: GroupEffect[] = []
  now = 1000

  hears(...inputs: GroupInput[]): this {
    for (const input of inputs) [this.calls, this.effects] = next(this.calls, input, { me: 'alice', now: this.now })
    return this
  }

  get phase(): GroupPhase {
    return this.calls.phase
  }
  get did() {
    return this.effects.map(effect => effect.do)
  }
  get ringing() {
    return this.calls.rings.map(ring => ring.call.id)
  }
  get why() {
    return this.phase.kind === 'left' ? this.phase.reason : this.phase.kind
  }
}

const inside = () => new Device().hears(join('a'), ticket('a'), { type: 'entered' })

describe('joining', () => {
  it('asks, enters and is in', () => {
    const device = new Device().hears({ type: 'join', target: { conversationId: 'chat of a' }, media: 'video' })
    expect(device.effects).toEqual([{ do: 'ask', target: { conversationId: 'chat of a' }, media: 'video' }])
    expect(device.hears(ticket('a')).did).toEqual(['enter'])
    device.now = 5000
    expect(device.hears({ type: 'entered' }).phase).toMatchObject({ kind: 'live', since: 5000, call: { id: 'a' } })
  })

  it.each([
    ['call_full', 'full'],
    ['call_over', 'over'],
    ['denied', 'refused'],
    ['not_found', 'refused'],
  ])('tells %s as %s', (code, reason) => {
    const device = new Device().hears(join('a'), refused(code))
    expect([device.why, ...device.did]).toEqual([reason, 'exit'])
  })

  it('asks once for the call it is in, and leaves it for another', () => {
    expect(inside().hears(join('a')).did).toEqual([])
    expect(inside().hears({ type: 'join', target: { conversationId: 'chat of a' }, media: 'voice' }).did).toEqual([])
    const device = inside().hears(join('b'))
    expect(device.did).toEqual(['exit', 'ask'])
    expect(device.phase.kind).toBe('joining')
  })

  it('takes no ticket after changing its mind', () => {
    const device = new Device().hears(join('a'), { type: 'leave' }, ticket('a'))
    expect([device.phase.kind, ...device.did]).toEqual(['idle'])
  })
})

describe('inside', () => {
  it('follows who is there', () => {
    const device = inside().hears(told(call('a', { participants: [alice, bob, carol] })))
    expect(callOf(device.phase)?.participants).toHaveLength(3)
    expect(inHand(device.phase)).toBe(true)
  })

  it('counts the time from the first entry, whatever the network does', () => {
    const device = inside()
    device.now = 9000
    expect(device.hears({ type: 'reconnecting' }).phase).toMatchObject({ kind: 'reconnecting', since: 1000 })
    expect(device.hears({ type: 'entered' }).phase).toMatchObject({ kind: 'live', since: 1000 })
  })

  it('leaves without an explanation', () => {
    const device = inside().hears({ type: 'leave' })
    expect([device.phase.kind, ...device.did]).toEqual(['idle', 'exit'])
  })

  it.each(['removed', 'elsewhere', 'over'] as const)('says why when it is %s', reason => {
    const device = inside().hears({ type: 'closed', reason })
    expect([device.why, ...device.did]).toEqual([reason, 'exit'])
    expect(device.hears({ type: 'dismiss' }).phase.kind).toBe('idle')
  })

  it('is over when the server says so, once', () => {
    const device = inside().hears(told(call('a', { state: 'over' })))
    expect([device.why, ...device.did]).toEqual(['over', 'exit'])
    expect(device.hears({ type: 'closed', reason: 'over' }).did).toEqual([])
  })

  it('asks for the room anew when it is lost, and gives up when that fails', () => {
    const device = inside().hears({ type: 'closed', reason: 'lost' })
    expect(device.effects).toEqual([{ do: 'ask', target: { callId: 'a' }, media: 'video' }])
    device.hears(ticket('a'), { type: 'entered' })
    expect(device.phase).toMatchObject({ kind: 'live', since: 1000 })
    device.hears({ type: 'closed', reason: 'lost' }, { type: 'closed', reason: 'lost' })
    expect([device.why, ...device.did]).toEqual(['lost', 'exit'])
  })

  it('asks for the room anew when its server is gone, and not when it only hears less', () => {
    expect(inside().hears({ type: 'reconnecting' }, welcome(false)).did).toEqual(['ask'])
    expect(inside().hears({ type: 'reconnecting' }, welcome(false, call('a'))).did).toEqual([])
    expect(inside().hears(welcome(false)).did).toEqual([])
    const lost = told(call('a', { state: 'over', lost: true }))
    const device = inside().hears(lost)
    expect([device.phase.kind, ...device.did]).toEqual(['joining', 'ask'])
    expect(device.hears(lost).did).toEqual([])
    expect(device.hears(ticket('a'), { type: 'entered' }).phase).toMatchObject({ kind: 'live', since: 1000 })
  })

  it.each([
    ['offline', 'lost'],
    ['not_found', 'over'],
    ['call_over', 'over'],
  ])('was inside, so %s means %s', (code, reason) => {
    expect(inside().hears({ type: 'closed', reason: 'lost' }, refused(code)).why).toBe(reason)
  })
})

describe('being wanted', () => {
  it('rings until one is no longer invited, comes or declines', () => {
    expect(new Device().hears(rung('a'), rung('b'), rung('a')).ringing).toEqual(['a', 'b'])
    expect(new Device().hears(rung('a'), told(call('a'))).ringing).toEqual([])
    expect(new Device().hears(rung('a'), told(call('a', { state: 'over', invited: [alice] }))).ringing).toEqual([])
    expect(new Device().hears(rung('a'), told(call('a', { invited: [alice, carol] }))).ringing).toEqual(['a'])
    expect(new Device().hears(rung('a'), join('a')).ringing).toEqual([])
    const declined = new Device().hears(rung('a'), { type: 'decline', callId: 'a' })
    expect([declined.ringing, declined.effects]).toEqual([[], [{ do: 'decline', callId: 'a' }]])
  })

  it('does not ring for the call it is in', () => {
    expect(inside().hears(rung('a')).ringing).toEqual([])
  })

  it('rings after a reload too, by whoever started the call', () => {
    const device = new Device().hears(
      welcome(false, call('a', { invited: [alice], participants: [carol, bob] }), call('b')),
    )
    expect(device.calls.rings).toMatchObject([{ call: { id: 'a' }, by: { id: 'bob' } }])
    expect(device.hears(welcome(true)).ringing).toEqual(['a'])
    expect(device.hears(welcome(false)).ringing).toEqual([])
  })
})
