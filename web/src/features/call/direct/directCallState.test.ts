import { describe, expect, it } from 'vitest'
import type { CallState as WireCall, GroupCall, Profile } from '@/api'
import { next } from './directCallState'
import { NO_CALLS, type Calls, type Effect, type Input } from './directCall'

const profile = (id: string): Profile => ({ id, name: id, nickname: id, relation: 'contact' })
const alice = profile('alice')
const bob = profile('bob')
const carol = profile('carol')

function wire(id: string, caller: Profile, callee: Profile, more: Partial<WireCall> = {}): WireCall {
  return {
    id,
    caller,
    callee,
    conversation_id: 'c',
    media: 'video',
    state: 'ringing',
    started_at: 0,
    mine: false,
    ice_servers: [],
    ...more,
  }
}

const welcomeFrame = (recovered: boolean, calls: WireCall[] = [], group_calls: GroupCall[] = []): Input => ({
  type: 'welcome',
  socket_id: 's',
  recovered,
  user_id: 'alice',
  login_id: 'l',
  server_time: 0,
  client_min: 0,
  calls,
  group_calls,
})

/** Alice's device: feeds inputs and remembers the effects of the last one. */
class Device {
  calls: Calls = NO_CALLS
  effects: Effect[] = []
  now = 1000

  hears(...inputs: Input[]): this {
    for (const input of inputs) [this.calls, this.effects] = next(this.calls, input, { me: 'alice', now: this.now })
    return this
  }

  get kind() {
    return this.calls.phase.kind
  }
  get said() {
    return this.effects.flatMap(e => (e.do === 'send' ? [`${e.frame.type} ${e.frame.call_id}`] : []))
  }
  get did() {
    return this.effects.filter(e => e.do !== 'send').map(e => e.do)
  }
}

const ring = (call: WireCall): Input => ({ type: 'call_ringing', call })
const agree = (call: WireCall): Input => ({ type: 'call_accepted', call: { ...call, state: 'active', mine: true } })
const agreeElsewhere = (call: WireCall): Input => ({
  type: 'call_accepted',
  call: { ...call, state: 'active', mine: false },
})
const callBob: Input = { type: 'start', callId: 'x', peer: bob, media: 'video' }
const ours = wire('x', alice, bob, { mine: true })
const bobs = wire('b', bob, alice)
const talking = () => new Device().hears(callBob, ring(ours), agree(ours), { type: 'media_up' })

describe('calling somebody', () => {
  it('rings, is accepted, connects and counts the time from the answer', () => {
    const device = new Device().hears(callBob)
    expect(device.said).toEqual(['call_start x'])
    expect(device.hears(ring(ours)).calls.phase).toMatchObject({ kind: 'outgoing', ringing: true })
    expect(device.hears(agree(ours)).effects).toMatchObject([
      { do: 'open', call: { id: 'x', role: 'caller', peer: { id: 'bob' } } },
    ])
    expect(device.hears({ type: 'media_up' }).kind).toBe('live')
    device.now += 5000
    device.hears({ type: 'call_ended', call_id: 'x', outcome: 'completed', by: 'bob' })
    expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome: 'completed', durationMs: 5000 })
    expect(device.did).toEqual(['close'])
  })

  it.each(['busy', 'declined', 'missed'] as const)('shows that it was %s', outcome => {
    const device = new Device().hears(callBob, ring(ours), { type: 'call_ended', call_id: 'x', outcome })
    expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome, durationMs: undefined })
    expect(device.hears({ type: 'dismiss' }).kind).toBe('idle')
  })

  it('can be cancelled before the answer, and a late answer changes nothing', () => {
    const device = new Device().hears(callBob, ring(ours), { type: 'hangup' })
    expect(device.said).toEqual(['call_hangup x'])
    expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome: 'cancelled' })
    expect(device.hears(agree(ours)).effects).toEqual([])
    expect(device.kind).toBe('ended')
  })

  it('tells why the server refused', () => {
    const refusal = { code: 'blocked', message: 'You cannot call this person.' }
    const device = new Device().hears(callBob, { type: 'refused', callId: 'x', refusal })
    expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome: 'refused', refusal })
  })

  it('does nothing while another call is in hand', () => {
    expect(talking().hears({ type: 'start', callId: 'y', peer: carol, media: 'voice' }).effects).toEqual([])
  })
})

describe('being called', () => {
  it('is answered once and opens media when the server agrees', () => {
    const device = new Device().hears(ring(bobs), ring(bobs))
    expect(device.calls.incoming).toHaveLength(1)
    expect(device.hears({ type: 'accept', callId: 'b' }).said).toEqual(['call_accept b'])
    expect(device.calls).toMatchObject({ phase: { kind: 'connecting' }, incoming: [] })
    expect(device.hears(agree(bobs)).effects).toMatchObject([
      { do: 'open', call: { role: 'callee', peer: { id: 'bob' } } },
    ])
    expect(device.hears(agree(bobs)).effects).toEqual([])
  })

  it('stops ringing when declined, cancelled or answered on another device', () => {
    expect(new Device().hears(ring(bobs), { type: 'decline', callId: 'b' }).said).toEqual(['call_decline b'])
    for (const over of [{ type: 'call_ended', call_id: 'b', outcome: 'cancelled' } as const, agreeElsewhere(bobs)]) {
      const device = new Device().hears(ring(bobs), over)
      expect(device.calls).toEqual(NO_CALLS)
      expect(device.effects).toEqual([])
    }
  })

  it('gives way when another device was quicker to answer', () => {
    const device = new Device().hears(ring(bobs), { type: 'accept', callId: 'b' }, agreeElsewhere(bobs))
    expect(device.kind).toBe('idle')
    expect(device.did).toEqual(['close'])
  })

  it('does not ring for a call this person started on another device', () => {
    expect(new Device().hears(ring(wire('x', alice, bob))).calls).toEqual(NO_CALLS)
  })

  it('lets a second caller ring during a call, and answering ends the first call', () => {
    const carols = wire('k', carol, alice)
    const device = talking().hears(ring(carols))
    expect(device.kind).toBe('live')
    expect(device.calls.incoming.map(call => call.peer.id)).toEqual(['carol'])
    device.hears({ type: 'accept', callId: 'k' })
    expect(device.said).toEqual(['call_hangup x', 'call_accept k'])
    expect(device.did).toEqual(['close'])
    expect(device.calls.phase).toMatchObject({ kind: 'connecting', call: { id: 'k' } })
    expect(device.hears({ type: 'call_ended', call_id: 'x', outcome: 'completed' }).kind).toBe('connecting')
  })
})

describe('both calling at once', () => {
  it('goes on with the other call, as its callee', () => {
    for (const before of [[], [ring(bobs)]]) {
      const device = new Device().hears(callBob, ...before, agree(bobs))
      expect(device.effects).toMatchObject([{ do: 'open', call: { id: 'b', role: 'callee' } }])
      expect(device.calls).toMatchObject({ phase: { kind: 'connecting', call: { id: 'b' } }, incoming: [] })
    }
  })

  it('answers instead of calling somebody who rings already', () => {
    expect(new Device().hears(ring(bobs), callBob).said).toEqual(['call_accept b'])
  })
})

describe('trouble on the way', () => {
  it('reconnects and comes back, keeping the time', () => {
    const device = talking()
    expect(device.hears({ type: 'media_down' }).kind).toBe('reconnecting')
    expect(device.hears({ type: 'media_up' }).calls.phase).toMatchObject({ kind: 'live', agreedAt: 1000 })
  })

  it('ends as lost when media never comes', () => {
    const device = new Device().hears(callBob, agree(ours), { type: 'media_lost' })
    expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome: 'lost' })
    expect(device.said).toEqual(['call_hangup x'])
  })

  it('keeps the call over a recovered socket and repairs it', () => {
    const device = talking().hears(welcomeFrame(true, [{ ...ours, state: 'active' }]))
    expect(device.kind).toBe('live')
    expect(device.did).toEqual(['repair'])
  })

  it('takes an answer that came while the socket was away', () => {
    const device = new Device().hears(callBob, ring(ours), welcomeFrame(false, [{ ...ours, state: 'active' }]))
    expect(device.did).toEqual(['open'])
  })

  it('loses the call when a new socket no longer carries it', () => {
    expect(talking().hears(welcomeFrame(false)).calls.phase).toMatchObject({ kind: 'ended', outcome: 'lost' })
    const elsewhere = talking().hears(welcomeFrame(false, [{ ...ours, state: 'active', mine: false }]))
    expect(elsewhere.calls.phase).toMatchObject({ kind: 'ended', outcome: 'lost' })
  })

  it('tells the server about a hang-up it could not hear', () => {
    const device = talking().hears({ type: 'hangup' }, welcomeFrame(true, [{ ...ours, state: 'active' }]))
    expect(device.said).toEqual(['call_hangup x'])
  })

  it('rings after a reload for a call that rings still, and stops for one that does not', () => {
    expect(new Device().hears(welcomeFrame(false, [bobs])).calls.incoming).toHaveLength(1)
    expect(new Device().hears(ring(bobs), welcomeFrame(false)).calls.incoming).toEqual([])
  })

  it('passes signals of the agreed call only', () => {
    const signal: Input = { type: 'call_signal', call_id: 'x', signal: { kind: 'candidates_end' } }
    expect(talking().hears(signal).did).toEqual(['signal'])
    expect(talking().hears({ ...signal, call_id: 'other' }).did).toEqual([])
    expect(new Device().hears(callBob, signal).did).toEqual([])
  })
})

describe('outliving a page and a server', () => {
  const carried = { ...ours, connection: 1, fact: 'signed' }
  const inCall = () => new Device().hears(callBob, ring(ours), agree(carried), { type: 'media_up' })
  const back = (connection: number): Input => ({
    type: 'call_resumed',
    call: { ...carried, state: 'active', connection, fact: 'newer' },
  })
  const shown = { type: 'call_resume', call_id: 'x', fact: 'signed', connection: 1 }

  it('shows what it carries to a server that has forgotten the call, and talks on', () => {
    const device = inCall().hears(welcomeFrame(false))
    expect(device.effects).toEqual([{ do: 'send', frame: shown }])
    expect(device.kind).toBe('live')
    expect(device.hears(back(1)).did).toEqual(['repair'])
    expect(device.calls.phase).toMatchObject({ kind: 'live', call: { fact: 'newer' }, agreedAt: 1000 })
  })

  it('shows it when another socket carried the call, and when the node that held it is gone', () => {
    const active: WireCall = { ...ours, state: 'active', mine: false }
    expect(inCall().hears(welcomeFrame(false, [active])).effects).toEqual([{ do: 'send', frame: shown }])
    expect(inCall().hears({ type: 'call_orphaned', call_id: 'x' }).effects).toEqual([{ do: 'send', frame: shown }])
    expect(inCall().hears({ type: 'call_orphaned', call_id: 'other' }).effects).toEqual([])
  })

  it("waits for the other side's page, and makes a new connection with it", () => {
    const device = inCall().hears({ type: 'call_away', call_id: 'x' })
    expect(device.kind).toBe('reconnecting')
    expect(device.hears(back(2)).effects).toMatchObject([{ do: 'open', call: { connection: 2, role: 'caller' } }])
    const stale: Input = { type: 'call_signal', call_id: 'x', connection: 1, signal: { kind: 'candidates_end' } }
    expect(device.hears(stale).did).toEqual([])
    expect(device.hears({ ...stale, connection: 2 }).did).toEqual(['signal'])
    expect(device.hears({ type: 'media_up' }).calls.phase).toMatchObject({ kind: 'live', agreedAt: 1000 })
  })

  it('comes back after the page was loaded anew, without the connection it had', () => {
    const { phase } = inCall().calls
    const restore: Input = { type: 'restore', call: phase.kind === 'live' ? phase.call : undefined!, agreedAt: 500 }
    const device = new Device().hears(restore)
    expect([device.kind, ...device.effects]).toEqual([
      'reconnecting',
      { do: 'send', frame: { ...shown, connection: undefined } },
    ])
    expect(device.hears(welcomeFrame(false, [{ ...ours, state: 'active', mine: false }])).said).toEqual([
      'call_resume x',
    ])
    expect(device.hears(back(2)).did).toEqual(['open'])
    expect(device.hears({ type: 'media_up' }).calls.phase).toMatchObject({ kind: 'live', agreedAt: 500 })
  })

  it('ends when it is not let back in', () => {
    for (const [over, outcome] of [
      [true, 'completed'],
      [false, 'lost'],
    ] as const) {
      const device = inCall().hears({ type: 'not_resumed', callId: 'x', over })
      expect(device.calls.phase).toMatchObject({ kind: 'ended', outcome })
      expect(device.did).toEqual(['close'])
    }
  })

  it('says goodbye with what it carries, for a server that has forgotten', () => {
    expect(inCall().hears({ type: 'hangup' }).effects).toMatchObject([{ do: 'send', fact: 'signed' }, { do: 'close' }])
  })

  it('rings again under the same id when the server has forgotten that it rang', () => {
    const device = new Device().hears(callBob, ring(ours), welcomeFrame(false))
    expect(device.effects).toEqual([
      { do: 'send', frame: { type: 'call_start', call_id: 'x', user_id: 'bob', media: 'video' } },
    ])
    expect(device.calls.phase).toMatchObject({ kind: 'outgoing', ringing: false })
  })
})

describe('becoming a group call', () => {
  const group: GroupCall = {
    id: 'x',
    conversation_id: 'c',
    media: 'video',
    started_by: 'alice',
    started_at: 1,
    state: 'active',
    participants: [alice, bob],
    invited: [carol],
    size_max: 100,
    moderators: ['alice'],
  }
  const moved: Input = { type: 'call_moved', call_id: 'x', call: group }

  it('goes on while the room is entered, and hands its tracks over', () => {
    const device = talking().hears(moved)
    expect([device.kind, ...device.effects]).toEqual(['moving', { do: 'move', call: group }])
    expect(device.hears({ type: 'media_down' }, { type: 'hangup' }).kind).toBe('moving')
    expect([device.hears({ type: 'moved' }).kind, ...device.did]).toEqual(['idle', 'hand_over'])
  })

  it('is not for a device that does not carry the call', () => {
    expect(new Device().hears(moved).kind).toBe('idle')
    expect(talking().hears({ ...moved, call: { ...group, id: 'other' } }).kind).toBe('live')
    expect(talking().hears({ type: 'moved' }).kind).toBe('live')
  })

  it('is noticed after a reconnect too', () => {
    const device = talking().hears(welcomeFrame(false, [], [group]))
    expect([device.kind, ...device.did]).toEqual(['moving', 'move'])
  })
})
