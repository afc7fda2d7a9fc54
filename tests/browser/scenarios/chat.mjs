import assert from 'node:assert/strict'
import { scenario } from '../stage.mjs'

scenario('Two people sign up, become contacts and chat', async stage => {
  const [alice, bob] = await Promise.all([stage.stranger('alice'), stage.stranger('bob')])
  await Promise.all([alice.signUp(), bob.signUp()])

  await alice.go('/contacts')
  await alice.see('contact-add').click()
  await alice.see('contact-add-name').fill('Bob')
  await alice.see('contact-add-find').click()
  await alice.see('contact-add-found').waitFor()
  await alice.see('contact-add-message').fill('It is me, Alice')
  await alice.see('contact-add-submit').click()

  await bob.go('/contacts')
  await bob.see('contact-requests-unread', { hasText: '1' }).waitFor()
  await bob.see('contact-requests').click()
  await bob.see('contact-request', { hasText: 'It is me, Alice' }).locator('[data-test="contact-request-accept"]').click()
  await bob.see('contact-request-status').waitFor()

  await alice.see('contact-item', { hasText: 'Bob' }).click()
  await alice.see('contact-message').click()
  await alice.page.locator('[data-test="peer-presence"][data-state="online"]').waitFor()
  await alice.says('Hello Bob')
  await alice.seesState('Hello Bob', 'received')

  await bob.go('/c')
  await bob.see('unread', { hasText: '1' }).waitFor()
  await bob.see('conversation-item', { hasText: 'Alice' }).click()
  await bob.hears('Hello Bob')
  await bob.see('unread-divider').waitFor()
  await alice.seesState('Hello Bob', 'read')
  await bob.see('unread').waitFor({ state: 'detached' })

  await bob.see('composer').pressSequentially('Hi ')
  await alice.see('typing').waitFor()
  await alice.says('Take your time')
  await bob.hears('Take your time')
  assert.equal(await bob.see('typing').count(), 0, 'nobody is told of their own keys')
  await bob.says('Hi Alice 👋')
  await alice.hears('Hi Alice 👋')
  await alice.see('typing').waitFor({ state: 'detached' })
  await bob.seesState('Hi Alice 👋', 'read')

  await bob.context.close()
  await alice.page.locator('[data-test="peer-presence"][data-state="offline"]').waitFor()
  await alice.says('Good night')
  await alice.seesState('Good night', 'sent')
})

scenario('A message whose answer was lost is sent once, and a reload keeps it', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  const wire = await alice.holdWire()
  await alice.page.reload()
  await alice.enter(id)
  await bob.enter(id)
  await alice.says('first')
  await bob.hears('first')
  await alice.seesState('first', 'read')

  wire.answers = false
  await alice.says('heard, not answered')
  await bob.hears('heard, not answered')
  wire.questions = false
  await alice.says('never heard')
  await alice.page.locator('[data-pending="waiting"]', { hasText: 'never heard' }).waitFor()

  Object.assign(wire, { answers: true, questions: true })
  await alice.page.reload()
  await bob.hears('never heard')
  await Promise.all([alice.settles(3), bob.settles(3)])
  await alice.seesState('never heard', 'read')
  assert.deepEqual(await alice.transcript(), await bob.transcript())
})

scenario('A killed server comes back and nothing is lost, doubled or out of order', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await bob.enter(id)
  for (const person of [alice, bob]) await person.page.evaluate(() => { window.neverReloaded = true })

  for (let n = 1; n <= 12; n++) await alice.says(`alice ${n}`)
  await bob.hears('alice 4')
  await stage.server.kill()
  await Promise.all([alice, bob].map(person => person.see('connection-banner').waitFor()))
  await alice.says('alice, while it is away')
  await bob.says('bob, while it is away')
  await bob.page.locator('[data-pending="waiting"]').waitFor()

  await stage.server.up()
  await Promise.all([alice.settles(14), bob.settles(14)])
  await Promise.all([alice, bob].map(person => person.see('connection-banner').waitFor({ state: 'detached' })))
  assert.deepEqual(await alice.transcript(), await bob.transcript())
  assert.deepEqual(ownWords(await alice.transcript(), 'alice'), [...Array.from({ length: 12 }, (_, n) => `alice ${n + 1}`), 'alice, while it is away'])

  await bob.says('and it goes on')
  await alice.hears('and it goes on')
  await bob.seesState('and it goes on', 'read')
  for (const person of [alice, bob]) assert.equal(await person.page.evaluate(() => window.neverReloaded), true)
})

scenario('History comes back by scrolling, and what is new waits below', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  for (let n = 1; n <= 70; n++) await alice.sends(id, `line ${n}`)
  await bob.see('unread', { hasText: '70' }).waitFor()
  await bob.enter(id)
  await bob.see('unread-divider').waitFor()
  await bob.see('to-latest').click()
  await bob.hears('line 70')

  const list = bob.see('message-list')
  for (let n = 0; n < 10 && !(await bob.message('line 1').count()); n++) {
    const oldest = await bob.see('message').first().getAttribute('data-seq')
    await list.evaluate(element => element.scrollTo(0, 0))
    await bob.page.locator(`[data-test="message"][data-seq="${Number(oldest) - 1}"], [data-test="system-line"]`).first().waitFor()
  }
  await list.evaluate(element => element.scrollTo(0, 0))
  await alice.sends(id, 'news')
  await bob.see('new-pill', { hasText: '1' }).click()
  await bob.message('news').click({ trial: true })
  await bob.see('new-pill').waitFor({ state: 'detached' })
  const seqs = (await bob.transcript()).map(line => Number(line.split(' ')[0]))
  assert.deepEqual(seqs, seqs.map((_, n) => seqs[0] + n), 'no hole and nothing twice')
})

scenario('Two devices of one person agree', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  const laptop = await stage.device(alice)
  await Promise.all([alice, bob].map(person => person.enter(id)))

  await alice.says('From the phone')
  await laptop.conversation(id).filter({ hasText: 'From the phone' }).waitFor()
  await laptop.enter(id)
  await laptop.seesState('From the phone', 'read')
  await laptop.says('From the laptop')
  await alice.seesState('From the laptop', 'read')

  for (const person of [alice, laptop]) await person.go('/c')
  await bob.says('Which one are you reading on?')
  for (const person of [alice, laptop]) await person.see('unread', { hasText: '1' }).waitFor()
  await alice.enter(id)
  await alice.hears('Which one are you reading on?')
  await laptop.see('unread').waitFor({ state: 'detached' })
  await bob.seesState('Which one are you reading on?', 'read')
})

scenario('The composer: keys, emoji, a pasted picture, a draft', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await Promise.all([alice, bob].map(person => person.enter(id)))
  const composer = alice.see('composer')

  await composer.pressSequentially('one')
  await composer.press('Shift+Enter')
  await composer.pressSequentially('two')
  await composer.press('Enter')
  await bob.hears('one two')
  assert.match((await bob.transcript())[0], /one\ntwo$/)

  await alice.see('emoji').click()
  await alice.see('emoji-picker').getByRole('menuitem').first().click()
  await alice.page.waitForFunction(element => element.value !== '', await composer.elementHandle())
  await composer.press('Escape')
  await alice.see('emoji-picker').waitFor({ state: 'detached' })
  await alice.see('send').click()
  await bob.see('message').nth(1).waitFor()
  assert.match((await bob.transcript())[1], /\p{Emoji_Presentation}/u)

  await composer.evaluate(async element => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 })
    const blob = await new Promise(resolve => canvas.toBlob(resolve))
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([blob], 'pasted.png', { type: 'image/png' }))
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  })
  await alice.see('tray-item').waitFor()
  await composer.press('Enter')
  await bob.see('image').waitFor()

  await composer.fill('not finished')
  await alice.go('/c')
  await alice.see('composer').waitFor({ state: 'detached' })
  await alice.page.reload()
  await alice.enter(id)
  assert.equal(await composer.inputValue(), 'not finished')
})

scenario('A message is recalled, and somebody who is no contact any more cannot be written to', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await Promise.all([alice, bob].map(person => person.enter(id)))
  await alice.says('Wrong window, sorry')
  await bob.hears('Wrong window, sorry')
  await alice.message('Wrong window, sorry').click({ button: 'right' })
  await alice.see('recall').locator('visible=true').click()
  await bob.see('recalled').waitFor()
  for (const person of [alice, bob]) assert.equal(await person.message('Wrong window, sorry').count(), 0)

  await bob.request('DELETE', `/api/v1/contacts/${(await alice.me()).id}`)
  await alice.see('not-writable').waitFor()
  await alice.see('recalled').waitFor()
})

function ownWords(transcript, name) {
  return transcript.map(line => line.replace(/^\d+ /, '')).filter(words => words.startsWith(name))
}
