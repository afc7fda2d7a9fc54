import assert from 'node:assert/strict'
import { picture } from '../media.mjs'
import { scenario } from '../stage.mjs'

scenario('Signing in: refusals say why, what was chosen stays, and one may leave', async stage => {
  const alice = await stage.stranger('alice')
  await alice.open('/')
  await alice.see('sign-up-switch').click()
  await alice.see('sign-in-name').fill('al')
  await alice.see('sign-in-password').fill('short')
  await alice.see('sign-in-submit').click()
  assert.equal(await alice.page.locator('[role="alert"]').count(), 2, 'name and password each tell their rule')
  await alice.signUp()

  await alice.open('/settings/look')
  await alice.see('theme').locator('label').nth(2).click()
  await alice.see('language').locator('label').first().click()
  await alice.page.reload()
  await alice.page.locator('html[data-theme="dark"][lang="zh-CN"]').waitFor()

  await alice.see('sign-out').click()
  await alice.confirms()
  await alice.see('sign-in-name').fill('ALICE')
  await alice.see('sign-in-password').fill('not the password')
  await alice.see('sign-in-submit').click()
  const wrong = await alice.see('sign-in-error').innerText()
  assert.match(wrong, /[一-龥]/, 'in the language that was chosen')
  await alice.see('sign-in-name').fill('nobody.at.all')
  await alice.see('sign-in-error').waitFor({ state: 'detached' })
  await alice.see('sign-in-submit').click()
  assert.equal(await alice.see('sign-in-error').innerText(), wrong, 'nobody learns which names exist')
  await alice.see('sign-in-name').fill('Alice')
  await alice.see('sign-in-password').fill(alice.password)
  await alice.see('sign-in-submit').click()
  await alice.online()
}, { refused: true })

scenario('A new name and face reach the others at once, and other devices can be signed out', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await bob.enter(id)

  await alice.open('/settings')
  await alice.see('nickname').fill('Alice of the ridge')
  await alice.see('save-profile').click()
  await bob.see('chat-title', { hasText: 'Alice of the ridge' }).waitFor()

  const buffer = await picture(alice.page, { width: 900, height: 600, type: 'image/jpeg' })
  await alice.see('avatar-file').setInputFiles({ name: 'me.jpg', mimeType: 'image/jpeg', buffer })
  await alice.see('crop-save').click()
  const face = bob.see('chat-title').locator('img')
  assert.deepEqual(await face.evaluate(async image => {
    await image.decode()
    return image.naturalWidth === image.naturalHeight
  }), true)

  const phone = await stage.device(alice)
  await alice.open('/settings/devices')
  await alice.see('login').nth(1).locator('button').click()
  await alice.confirms()
  await phone.see('sign-in-name').waitFor()
  assert.equal(await alice.see('login').count(), 1)
}, { refused: true })
