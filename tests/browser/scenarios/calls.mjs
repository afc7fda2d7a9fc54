import assert from 'node:assert/strict'
import { Look } from '../look.mjs'
import { scenario } from '../stage.mjs'

scenario('A video call: both see and hear, mute, camera, screen, and its record', async stage => {
  const { alice, bob } = await twoInConversation(stage)
  const laptop = await stage.device(bob)

  await alice.call.calls('video')
  await bob.see('call-incoming').waitFor()
  await laptop.see('call-incoming').waitFor()
  await bob.call.accepts()
  await laptop.see('call-incoming').waitFor({ state: 'detached' })
  for (const { call } of [alice, bob]) await call.isIn('live')

  const size = await alice.call.watches('call-remote-video')
  assert.ok(size.width > 0 && size.height > 0)
  await bob.call.watches('call-remote-video')
  await Promise.all([alice.call.hearsAndSees(), bob.call.hearsAndSees()])

  await alice.see('call-mute').click()
  await bob.call.seesThemMuted(true)
  await alice.see('call-mute').click()
  await bob.call.seesThemMuted(false)

  await bob.see('call-camera').click()
  await alice.call.remoteCamera('detached')
  await bob.see('call-camera').click()
  await alice.call.remoteCamera('visible')
  await alice.call.watches('call-remote-video')

  await alice.see('call-screen').click()
  const screen = await bob.call.watches('call-remote-screen')
  assert.ok(screen.width >= 640, `a screen to read: ${screen.width} x ${screen.height}`)
  await bob.call.watches('call-remote-video')
  await alice.see('call-screen').click()
  await bob.see('call-remote-screen').waitFor({ state: 'detached' })

  // One may chat meanwhile; the call goes on in its tile.
  await bob.see('call-minimise').click()
  await bob.see('call-mini').waitFor()
  await bob.says('Can you see me?')
  // Whoever sees nothing but the call learns of it there.
  await alice.see('call-message').getByText('Can you see me?').waitFor()
  assert.equal(await alice.see('call-unread').innerText(), '1')
  const problems = []
  await new Look('en-light-desktop', problems).at(alice, 'call-message', { judged: true })
  assert.deepEqual(problems, [])
  await bob.see('call-expand').click()
  await bob.call.isIn('live')

  await alice.call.hangsUp()
  await Promise.all([alice.call.leavesAfter('completed'), bob.call.leavesAfter('completed')])
  for (const person of [alice, bob]) assert.match(await person.call.hasRecord('completed'), /\d:\d\d/)
  await alice.hears('Can you see me?')
})

scenario('A voice call outlives a cut network and a page that is loaded anew', async stage => {
  const wire = await stage.wire()
  const { alice, bob } = await twoInConversation(stage, { baseURL: wire.url })
  await alice.call.calls('voice')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees({ frames: 0 })))

  wire.cut()
  await alice.see('call-notice').waitFor()
  await alice.call.hearsAndSees({ frames: 0 })
  wire.mend()
  await alice.see('call-notice').waitFor({ state: 'detached' })
  await bob.call.isIn('live')

  // A camera may come later.
  await bob.see('call-camera').click()
  await alice.call.watches('call-remote-video')

  for (const [away, waiting] of [[bob, alice], [alice, bob]]) {
    const reloaded = away.page.reload()
    await waiting.call.isIn('reconnecting')
    await new Look('en-light-desktop', []).at(waiting, 'call-reconnecting')
    await reloaded
    for (const { call } of [alice, bob]) await call.isIn('live')
    await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees({ frames: 0 })))
    await alice.call.watches('call-remote-video')
  }
  await bob.call.hangsUp()
  await Promise.all([alice, bob].map(({ call }) => call.leavesAfter('completed')))
  await alice.call.hasRecord('completed')
  assert.equal(await alice.see('call-record').count(), 1)
})

scenario('A call outlives a server that is killed: media goes on, and everything works after', async stage => {
  const { alice, bob } = await twoInConversation(stage)
  await alice.call.calls('voice')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees({ frames: 0 })))

  await stage.server.kill()
  await alice.see('call-notice').waitFor()
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees({ frames: 0 })))
  await new Look('en-light-desktop', []).at(alice, 'call-server-away')
  await stage.server.up()
  for (const { call } of [alice, bob]) {
    await call.see('call-notice').waitFor({ state: 'detached' })
    await call.isIn('live')
  }
  // What the two tell each other through the server.
  await alice.see('call-mute').click()
  await bob.call.seesThemMuted(true)
  await bob.see('call-camera').click()
  await alice.call.watches('call-remote-video')

  await alice.call.hangsUp()
  await Promise.all([alice, bob].map(({ call }) => call.leavesAfter('completed')))
  for (const person of [alice, bob]) {
    await person.call.hasRecord('completed')
    assert.equal(await person.see('call-record').count(), 1)
  }
})

scenario('Whoever hangs up while the server is away has hung up when it is back', async stage => {
  const { alice, bob } = await twoInConversation(stage)
  await alice.call.calls('voice')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await stage.server.kill()
  await alice.see('call-notice').waitFor()
  await alice.call.hangsUp()
  await bob.call.isIn('reconnecting')
  await stage.server.up()
  await bob.page.locator('[data-test="call-ended"][data-outcome="completed"]').waitFor()
  await bob.see('call-to-chat').click()
  await bob.call.hasRecord('completed')
})

scenario('A call that is called off, and one that is declined', async stage => {
  const { alice, bob, id } = await twoInConversation(stage)
  await bob.go('/contacts')

  await alice.call.calls('voice')
  await bob.see('call-incoming').waitFor()
  await alice.call.hangsUp()
  await bob.see('call-incoming').waitFor({ state: 'detached' })
  await alice.see('composer').waitFor()
  await alice.call.hasRecord('cancelled')

  // Somebody who missed a call learns of it like of a message.
  await bob.go('/c')
  await bob.see('unread').waitFor()
  const preview = await bob.see('conversation-preview').innerText()
  assert.match(preview, /missed/i)
  await bob.enter(id)
  assert.match(await bob.call.hasRecord('cancelled'), /missed/i)

  await alice.call.calls('video')
  await bob.see('call-incoming').waitFor()
  await bob.see('call-decline').click()
  await alice.call.leavesAfter('declined')
  for (const person of [alice, bob]) await person.call.hasRecord('declined')
  assert.equal(await bob.see('call-record').count(), 2)
})

scenario('Both call at once, and meet', async stage => {
  const { alice, bob } = await twoInConversation(stage)
  await Promise.all([alice, bob].map(person => person.see('call-voice').click()))
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees({ frames: 0 })))
  await bob.call.hangsUp()
  await Promise.all([alice, bob].map(({ call }) => call.leavesAfter('completed')))
  assert.equal(await alice.see('call-record').count(), 1)
})

async function twoInConversation(stage, options) {
  const [alice, bob] = await Promise.all([stage.person('alice', options), stage.person('bob')])
  const id = await alice.befriend(bob)
  await Promise.all([alice, bob].map(person => person.enter(id)))
  return { alice, bob, id }
}
