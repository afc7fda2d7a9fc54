import assert from 'node:assert/strict'
import { scenario } from '../stage.mjs'

scenario('What is not allowed is not offered, and limits are the ones in force', async stage => {
  const [alice, bob] = await Promise.all([stage.person('alice'), stage.person('bob')])
  const id = await alice.befriend(bob)
  await alice.enter(id)
  const file = { name: 'too large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(3 * 1024 * 1024) }
  await alice.see('attach-file').setInputFiles(file)
  await alice.page.locator('.el-message', { hasText: '2.0 MB' }).waitFor()
  assert.equal(await alice.see('tray-item').count(), 0)
}, { settings: { BECKON_FILES__BYTES_MAX: String(2 * 1024 * 1024) } })

scenario('Where nobody can register nobody is asked to', async stage => {
  const stranger = await stage.stranger('stranger')
  await stranger.open('/sign-in')
  await stranger.see('sign-up-closed').waitFor()
  assert.equal(await stranger.see('sign-up-switch').count(), 0)
}, { settings: { BECKON_ACCOUNTS__REGISTRATION: 'false' } })

scenario('A message can be taken back by a clock that is wrong', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await alice.context.addInitScript(() => {
    const { now } = Date
    Date.now = () => now() + 10 * 60_000
  })
  await alice.page.reload()
  await alice.enter(id)
  await alice.says('Too soon')
  await bob.conversation(id).filter({ hasText: 'Too soon' }).waitFor()
  await alice.message('Too soon').click({ button: 'right' })
  await alice.see('recall').locator('visible=true').click()
  await alice.see('recalled').waitFor()
})
