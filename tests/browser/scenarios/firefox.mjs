import assert from 'node:assert/strict'
import { noFirefox } from '../browsers.mjs'
import { Attendee } from '../groupcall.mjs'
import { scenario } from '../stage.mjs'

const skip = noFirefox()

scenario('Firefox and Chromium chat, and see and hear each other', async stage => {
  const [alice, fox] = await Promise.all([stage.person('alice'), stage.person('fox', { kind: 'firefox' })])
  const id = await alice.befriend(fox)
  await Promise.all([alice.enter(id), fox.enter(id)])
  await fox.says('Hello from Firefox')
  await alice.hears('Hello from Firefox')
  await alice.says('Hello from Chromium')
  await fox.hears('Hello from Chromium')
  await alice.seesState('Hello from Chromium', 'read')

  await alice.call.calls('video')
  await fox.call.accepts()
  for (const { call } of [alice, fox]) await call.isIn('live')
  await Promise.all([alice, fox].map(({ call }) => call.watches('call-remote-video')))
  await Promise.all([alice, fox].map(({ call }) => call.hearsAndSees()))
  await fox.call.hangsUp()
  await Promise.all([alice, fox].map(({ call }) => call.leavesAfter('completed')))

  // The other way round, the offer is Firefox's.
  await fox.call.calls('video')
  await alice.call.accepts()
  for (const { call } of [alice, fox]) await call.isIn('live')
  await Promise.all([alice, fox].map(({ call }) => call.hearsAndSees()))
  await alice.call.hangsUp()
  await Promise.all([alice, fox].map(({ call }) => call.leavesAfter('completed')))
  assert.equal(await fox.see('call-record').count(), 2)
}, { skip })

scenario('Firefox and Chromium meet in a group call', async stage => {
  const people = await Promise.all([stage.person('alice'), stage.person('fox', { kind: 'firefox' })])
  const [alice, fox] = await Attendee.inGroup(...people)

  await alice.starts()
  await fox.joins()
  await Promise.all([alice.watches(fox), fox.watches(alice), alice.hears(fox), fox.hears(alice)])
  await alice.rules(fox, 'room-mute-person')
  await alice.seesMuted(fox)
  await fox.see('call-mute').click()
  await alice.seesMuted(fox, false)
  await alice.hears(fox)
  await fox.leaves()
  await alice.tile(fox).waitFor({ state: 'detached' })
  await alice.leaves()
}, { skip })
