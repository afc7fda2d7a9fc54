import assert from 'node:assert/strict'
import { Attendee, pairs } from '../groupcall.mjs'
import { Look } from '../look.mjs'
import { scenario } from '../stage.mjs'

scenario('Three meet: all see and hear each other, one shares a screen, one comes back, one is muted and removed', async stage => {
  const { attendees: [alice, bob, carol], people } = await threeInGroup(stage)
  const problems = []
  const shot = (attendee, what, screen = 'desktop') => new Look(`en-light-${screen}`, problems).at(attendee.person, what, { judged: true })

  await alice.starts()
  for (const attendee of [bob, carol]) await attendee.joins()
  const all = [alice, bob, carol]
  for (const attendee of all) await attendee.sees(...all)
  await Promise.all(pairs(all).map(([from, to]) => Promise.all([from.watches(to), from.hears(to)])))
  await shot(alice, 'call-grid')

  await bob.showsPoster()
  for (const attendee of [alice, carol]) {
    const { width } = await attendee.reads(bob)
    assert.ok(width >= 1280, `a screen to read: ${width}`)
    await attendee.hears(bob, { slot: 'screen_sound' })
    await attendee.watches(bob)
  }
  await shot(alice, 'call-screen-share')
  await turnsToPhone(alice, () => shot(alice, 'call-screen-share', 'phone'))
  await bob.see('call-screen').click()
  await alice.see('room-screen-tile').waitFor({ state: 'detached' })

  await carol.page.reload()
  await carol.isIn()
  await carol.sees(alice, bob)
  await Promise.all([carol.watches(alice), carol.hears(bob), alice.watches(carol), bob.hears(carol)])

  await alice.rules(bob, 'room-mute-person')
  for (const attendee of all) await attendee.seesMuted(bob)
  await bob.see('call-notice').waitFor()
  await carol.hearsNothingOf(bob, { while: alice })
  await shot(alice, 'call-people')
  await turnsToPhone(alice, () => shot(alice, 'call-people', 'phone'))
  await bob.see('call-mute').click()
  await alice.seesMuted(bob, false)
  await carol.hears(bob)

  await alice.rules(bob, 'room-remove-person')
  await alice.person.confirms()
  await bob.page.locator('[data-test="room-left"][data-reason="removed"]').waitFor()
  for (const attendee of [alice, carol]) await attendee.tile(bob).waitFor({ state: 'detached' })
  await alice.watches(carol)

  await carol.leaves()
  await alice.leaves()
  for (const person of people.slice(0, 1)) assert.match(await person.call.hasRecord('completed'), /\d:\d\d/)
  assert.deepEqual(problems, [])
})

scenario('A picture is as large as its place, and changes without a stall', async stage => {
  const { attendees: [alice, bob, carol] } = await threeInGroup(stage)
  await alice.starts('voice')
  for (const attendee of [bob, carol]) await attendee.joins()
  await alice.watches(bob)

  const pin = attendee => alice.tile(attendee).locator('[data-test="room-pin"]').click()
  for (const [large, small] of [[bob, carol], [carol, bob], [bob, carol]]) {
    await pin(large)
    const [shown, aside] = await Promise.all([alice.watches(large, { wider: 640, frames: 10 }), alice.watches(small, { narrower: 640, frames: 10 })])
    for (const { gap } of [shown, aside]) assert.ok(gap < 1000, `no frame for ${gap} ms`)
  }
})

scenario('A full call lets nobody in until somebody leaves', async stage => {
  const { attendees: [alice, bob, carol] } = await threeInGroup(stage)
  await alice.starts('voice')
  await bob.joins('voice')
  await carol.asksIn('voice')
  await carol.page.locator('[data-test="room-left"][data-reason="full"]').waitFor()
  await bob.leaves()
  await alice.tile(bob).waitFor({ state: 'detached' })
  await carol.see('room-again').click()
  await carol.isIn()
  await Promise.all([carol.hears(alice), alice.hears(carol)])
}, { refused: true, settings: { BECKON_ROOMS__PARTICIPANTS_MAX: '2' } })

scenario('Whoever loses touch with the server hears on, and comes back', async stage => {
  const wire = await stage.wire()
  const people = [await stage.person('alice'), await stage.person('bob', { baseURL: wire.url })]
  const [alice, bob] = await Attendee.inGroup(...people)
  await alice.starts('voice')
  await bob.joins('voice')
  await Promise.all([bob.hears(alice), alice.hears(bob)])

  wire.cut()
  await bob.isIn('reconnecting')
  await bob.see('call-notice').waitFor()
  await Promise.all([bob.hears(alice), alice.hears(bob)])
  wire.mend()
  await bob.isIn()
  await bob.see('call-notice').waitFor({ state: 'detached' })
  await Promise.all([bob.hears(alice), alice.hears(bob)])
}, { refused: true })

scenario('A group call outlives a server that is killed: everybody is back in it by themselves', async stage => {
  const people = await stage.cast('alice', 'bob')
  const [alice, bob] = await Attendee.inGroup(...people)
  await alice.starts('voice')
  await bob.joins('voice')
  await Promise.all([bob.hears(alice), alice.hears(bob)])

  await stage.server.kill()
  await bob.isIn('reconnecting')
  await bob.see('call-notice').waitFor()
  await new Look('en-light-desktop', []).at(bob.person, 'room-reconnecting')
  await stage.server.up()
  for (const attendee of [alice, bob]) {
    await attendee.isIn()
    await attendee.see('call-notice').waitFor({ state: 'detached' })
  }
  await Promise.all([alice.sees(alice, bob), bob.sees(alice, bob)])
  await Promise.all([bob.hears(alice), alice.hears(bob)])

  await bob.leaves()
  await alice.leaves()
  assert.match(await people[0].call.hasRecord('completed'), /\d:\d\d/)
  assert.equal(await people[0].see('call-record').count(), 1)
})

scenario('Somebody joins two who talk, and nobody hangs up', async stage => {
  const people = await stage.cast('alice', 'bob', 'carol')
  const [alice, bob, carol] = people
  const id = await alice.befriend(bob)
  await alice.befriend(carol)
  const attendees = await Attendee.all(...people)
  for (const attendee of attendees) await attendee.takesSmallCamera()
  await Promise.all([alice, bob].map(person => person.enter(id)))

  await alice.call.calls('video')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice.call.hearsAndSees(), bob.call.hearsAndSees()])

  await alice.see('call-add').click()
  await alice.page.locator('[data-test="pick-contact"][data-name="carol"]').click()
  await alice.see('add-people-submit').click()
  await carol.see('call-incoming').waitFor()
  const [a, b, c] = attendees
  await Promise.all([a.isIn(), b.isIn()])
  await Promise.all([a.watches(b), b.watches(a), a.hears(b), b.hears(a)])

  await carol.see('call-accept').click()
  await c.isIn()
  await Promise.all(pairs(attendees).map(([from, to]) => Promise.all([from.watches(to), from.hears(to)])))
  for (const attendee of attendees) await attendee.leaves()
  await alice.call.hasRecord('completed')
})

async function threeInGroup(stage) {
  const people = await stage.cast('alice', 'bob', 'carol')
  return { attendees: await Attendee.inGroup(...people), people }
}

/** Looks at the call on a screen as small as a phone's. */
async function turnsToPhone({ page }, look) {
  const before = page.viewportSize()
  await page.setViewportSize({ width: 390, height: 844 })
  await look()
  await page.setViewportSize(before)
}
