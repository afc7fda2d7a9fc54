import assert from 'node:assert/strict'
import { Attendee } from '../groupcall.mjs'
import { scenario } from '../stage.mjs'

/** The narrowest telephone that is still in use. */
const PHONE = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }
const LONG = 'W'.repeat(40)

scenario('Long names burst nothing on a narrow telephone', async stage => {
  const [mia, long] = await Promise.all([stage.person('mia', PHONE), stage.person('w'.repeat(32), { nickname: LONG })])
  const direct = await mia.befriend(long)
  const title = 'M'.repeat(60)
  const group = await mia.post('/api/v1/groups', { title, member_ids: [(await long.me()).id] })
  await mia.sends(direct, 'X'.repeat(500))

  await mia.page.reload()
  await mia.conversation(direct).waitFor()
  await fits(mia, 'the list')
  await mia.see('group-create').click()
  await mia.see('pick-contact').click()
  await mia.see('group-title').fill(title)
  await fits(mia, 'a new group')
  await mia.page.keyboard.press('Escape')

  await mia.open(`/c/${direct}`)
  await mia.see('message').waitFor()
  await fits(mia, 'the conversation')
  await mia.open(`/c/${group.id}`)
  await mia.see('group-details-toggle').click()
  await mia.see('group-member').nth(1).waitFor()
  await fits(mia, 'the details of a group')
  await mia.see('group-dissolve').click()
  await mia.page.locator('.el-message-box').waitFor()
  await fits(mia, 'a question')
  await mia.page.keyboard.press('Escape')

  await mia.open('/contacts')
  await mia.see('contact-add').click()
  await mia.see('contact-add-name').fill(long.name)
  await mia.see('contact-add-find').click()
  await mia.see('contact-add-found').waitFor()
  await fits(mia, 'adding somebody')
  await mia.page.keyboard.press('Escape')
  await mia.see('contact-item').click()
  await mia.see('contact-card').waitFor()
  await fits(mia, 'a card')
  await long.enter(direct)
  await long.call.calls('voice')
  await mia.see('call-incoming').waitFor()
  await fits(mia, 'a call that comes in')
  await mia.see('call-decline').click()
})

scenario('On a telephone one chooses the devices during a group call', async stage => {
  const people = [await stage.person('mia', PHONE), await stage.person('noah')]
  const [mia, noah] = await Attendee.inGroup(...people)
  await noah.starts()
  await mia.joins()
  await fits(mia.person, 'the call')
  await mia.see('call-microphone-menu').tap()
  await mia.page.locator('[data-test="call-pick-microphone"]:visible').first().waitFor()
  await mia.page.keyboard.press('Escape')
  await mia.leaves()
})

scenario('What people write runs in its own direction', async stage => {
  const [mia, dana] = await Promise.all([stage.person('mia'), stage.person('dana', { nickname: 'דנה' })])
  const id = await mia.befriend(dana)
  await dana.sends(id, 'שלום! (1)')
  await dana.sends(id, 'Hello! (2)')
  await mia.enter(id)
  const direction = text => mia.message(text).locator('[data-test="message-text"]').evaluate(element => getComputedStyle(element).direction)
  assert.deepEqual([await direction('שלום! (1)'), await direction('Hello! (2)')], ['rtl', 'ltr'])
  const overlaps = await mia.message('שלום! (1)').evaluate(row => {
    const words = document.createRange()
    words.selectNodeContents(row.querySelector('[data-test="message-text"]'))
    const [a, b] = [words.getBoundingClientRect(), row.querySelector('time').getBoundingClientRect()]
    return a.left < b.right && b.left < a.right
  })
  assert.equal(overlaps, false, 'the time stands beside the words')
  await mia.see('composer').fill('שלום')
  for (const hook of ['composer', 'chat-title']) {
    assert.ok(await mia.see(hook).evaluate(element => getComputedStyle(element.querySelector('.title') ?? element).direction === 'rtl'), hook)
  }
})

scenario('Whoever chose the dark sees no light first', async stage => {
  const mia = await stage.stranger('mia', { theme: 'dark', colorScheme: 'light' })
  // Before a line of the client has run.
  await mia.page.route('**/assets/*.js', () => {})
  await mia.page.goto('/sign-in', { waitUntil: 'commit' })
  await mia.page.locator('html[data-theme="dark"]').waitFor({ state: 'attached' })
  await mia.page.waitForFunction(() => getComputedStyle(document.documentElement).colorScheme === 'dark')
})

scenario('Half a surrogate is sent as a character, and holds nothing up', async stage => {
  const [mia, noah] = await stage.cast('mia', 'noah')
  const id = await mia.befriend(noah)
  await Promise.all([mia.enter(id), noah.enter(id)])
  await mia.see('composer').evaluate(area => {
    area.value = `half ${String.fromCharCode(0xd83d)}`
    area.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await mia.see('send').click()
  await noah.hears('half \ufffd')
  await mia.says('and on')
  await noah.hears('and on')
  await mia.settles(2)
})

/** Nothing is wider than the screen, and no dialog wider than itself. */
async function fits({ page }, what) {
  const wide = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    const boxes = [...document.querySelectorAll('.el-dialog, .el-dialog__body, .el-message-box, main, aside, header, [data-test="call-incoming"], [role="toolbar"]')]
    const out = boxes.filter(box => box.checkVisibility() && (box.getBoundingClientRect().right > clientWidth + 1 || box.scrollWidth > box.clientWidth + 1))
    return [...(scrollWidth > clientWidth ? [`page ${scrollWidth}`] : []), ...out.map(box => `${box.className} ${box.scrollWidth}`)]
  })
  assert.deepEqual(wide, [], what)
}
