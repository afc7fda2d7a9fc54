import assert from 'node:assert/strict'
import { scenario } from '../stage.mjs'

scenario('A group of three: everyone hears, one is invited, the owner leaves', async stage => {
  const [alice, bob, carol, dave] = await stage.cast('alice', 'bob', 'carol', 'dave')
  await Promise.all([alice.befriend(bob), alice.befriend(carol)])
  await bob.befriend(dave)

  await alice.see('group-create').click()
  await alice.see('group-title').fill('Saturday hike')
  for (const name of ['bob', 'carol']) await alice.page.locator(`[data-test="pick-contact"][data-name="${name}"]`).click()
  await alice.see('group-create-submit').click()
  await alice.see('composer').waitFor()
  for (const person of [bob, carol]) await person.see('conversation-item', { hasText: 'Saturday hike' }).click()

  await alice.says('Nine at the station?')
  await bob.hears('Nine at the station?')
  await carol.hears('Nine at the station?')
  await carol.says('I bring the map')
  await Promise.all([alice, bob].map(person => person.hears('I bring the map')))

  // Any member invites contacts of their own.
  await bob.see('group-details-toggle').click()
  await bob.see('group-invite').click()
  await bob.page.locator('[data-test="pick-contact"][data-name="dave"]').click()
  await bob.see('group-invite-submit').click()
  await dave.see('conversation-item', { hasText: 'Saturday hike' }).click()
  await dave.says('May I bring the dog?')
  await Promise.all([alice, bob, carol].map(person => person.hears('May I bring the dog?')))

  await alice.see('group-details-toggle').click()
  await member(alice, 'dave').waitFor()
  assert.equal(await alice.see('group-member').count(), 4)
  await member(alice, 'alice', 'owner').waitFor()

  // The owner names another one, and then goes.
  await member(alice, 'carol').locator('[data-test="group-member-menu"]').click()
  await alice.see('group-transfer').locator('visible=true').click()
  await alice.confirms()
  await member(alice, 'carol', 'owner').waitFor()
  await alice.see('group-leave').click()
  await alice.confirms()
  await alice.see('conversation-item', { hasText: 'Saturday hike' }).waitFor({ state: 'detached' })

  await carol.see('group-details-toggle').click()
  await member(carol, 'alice').waitFor({ state: 'detached' })
  await member(carol, 'bob').locator('[data-test="group-member-menu"]').click()
  await carol.see('group-remove').locator('visible=true').click()
  await carol.confirms()
  await bob.see('conversation-item', { hasText: 'Saturday hike' }).waitFor({ state: 'detached' })

  await carol.says('Only the dog and us')
  await dave.hears('Only the dog and us')
  assert.equal(await alice.message('Only the dog and us').count(), 0)
  assert.ok(await dave.see('system-line').count() >= 3, 'comings and goings stand in the history')
})

function member(person, name, role) {
  return person.page.locator(`[data-test="group-member"][data-name="${name}"]${role ? `[data-role="${role}"]` : ''}`)
}
