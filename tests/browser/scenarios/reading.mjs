import assert from 'node:assert/strict'
import { scenario } from '../stage.mjs'

/** One writes hundreds of lines as fast as the server takes them. */
const TALKATIVE = {
  BECKON_LIMITS__SENDS_PER_SECOND: '1000',
  BECKON_LIMITS__SENDS_BURST: '1000',
  BECKON_LIMITS__REQUESTS_PER_SECOND: '1000'
}

scenario('Only what was in sight counts as read', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  for (let n = 1; n <= 60; n++) await alice.sends(id, `line ${n}`)
  await bob.see('unread', { hasText: '60' }).waitFor()

  await bob.enter(id)
  const left = await unreadAfter(bob, id, 60)
  const inSight = await lastInSight(bob)
  assert.equal(left, 60 - inSight, `${inSight} lines were in sight`)
  assert.ok(left > 20, 'the rest waits below')
  await bob.see('new-pill', { hasText: String(left) }).waitFor()

  await bob.see('message-list').evaluate(list => list.scrollBy(0, 300))
  const fewer = await unreadAfter(bob, id, left)
  assert.equal(fewer, 60 - await lastInSight(bob))

  await bob.see('to-latest').click()
  await bob.conversation(id).locator('[data-test="unread"]').waitFor({ state: 'detached' })
})

scenario('With hundreds unread one begins at the first of them, and comes to both ends', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  for (let n = 1; n <= 130; n++) await alice.sends(id, `old ${n}`)
  const { last_seq: read_seq } = await bob.request('GET', `/api/v1/conversations/${id}`)
  await bob.request('PUT', `/api/v1/conversations/${id}/receipt`, { read_seq })
  for (let n = 1; n <= 260; n++) await alice.sends(id, `new ${n}`)
  await bob.page.reload()
  await bob.see('unread', { hasText: '99+' }).waitFor()

  await bob.enter(id)
  await bob.see('unread-divider').waitFor()
  assert.deepEqual(await besideDivider(bob), ['old 130', 'new 1'])
  await alice.sends(id, 'news')

  await flings(bob, 'up', 'old 1')
  await flings(bob, 'down', 'news')
  const seqs = (await bob.transcript()).map(line => Number(line.split(' ')[0]))
  assert.deepEqual(seqs, seqs.map((_, n) => seqs[0] + n), 'no hole and nothing twice')
  await bob.conversation(id).locator('[data-test="unread"]').waitFor({ state: 'detached' })
}, { settings: TALKATIVE })

scenario('From hundreds unread one jumps to the newest and writes there', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  for (let n = 1; n <= 180; n++) await alice.sends(id, `line ${n}`)
  await bob.enter(id)
  await bob.see('unread-divider').waitFor()
  assert.equal(await bob.message('line 180').count(), 0, 'it is far below')
  await bob.says('I am late')
  await bob.message('I am late').locator('[data-test="message-state"]:not([data-state="waiting"])').waitFor()
  await bob.message('line 180').click({ trial: true })
  await alice.sends(id, 'Never mind')
  await bob.hears('Never mind')
}, { settings: TALKATIVE })

scenario('The keyboard comes past a long history in one step, and into it with the arrows', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  for (let n = 1; n <= 60; n++) await alice.sends(id, `https://example.org/${n}`)
  await bob.enter(id)
  await bob.see('unread-divider').waitFor()
  await bob.see('composer').focus()
  const focused = () => bob.page.evaluate(() => document.activeElement?.dataset.test)
  let steps = 0
  while (!(await focused())?.startsWith('call-') && steps < 100) {
    await bob.page.keyboard.press('Shift+Tab')
    steps++
  }
  assert.ok(steps <= 6, `the call buttons are ${steps} steps away`)

  await bob.see('message-list').focus()
  await bob.page.keyboard.press('ArrowUp')
  await bob.page.keyboard.press('ArrowUp')
  assert.equal(await focused(), 'message')
  await bob.page.keyboard.press('Tab')
  assert.equal(await bob.page.evaluate(() => document.activeElement.tagName), 'A', 'the link in it')
  await bob.page.keyboard.press('Escape')
  assert.equal(await focused(), 'message-list')
  await bob.page.keyboard.press('ArrowUp')
  await bob.page.keyboard.press('Enter')
  await bob.see('message-actions').waitFor()
})

/** What the list counts once it is no longer `before`. */
async function unreadAfter(person, id, before) {
  const badge = person.conversation(id).locator('[data-test="unread"]')
  await badge.filter({ hasNotText: new RegExp(`^\\s*${before}\\s*$`) }).waitFor()
  return Number(await badge.innerText())
}

/** The number of the last line that is in sight. */
function lastInSight({ page }) {
  return page.evaluate(() => {
    const edge = document.querySelector('[data-test="message-list"]').getBoundingClientRect().bottom + 8
    const seen = [...document.querySelectorAll('[data-test="message"]')].filter(row => row.getBoundingClientRect().bottom <= edge)
    return Number(seen.at(-1).innerText.match(/line (\d+)/)[1])
  })
}

function besideDivider({ page }) {
  return page.evaluate(() => {
    const rows = [...document.querySelectorAll('[data-test="message"], [data-test="unread-divider"]')]
    const at = rows.findIndex(row => row.dataset.test === 'unread-divider')
    return [rows[at - 1], rows[at + 1]].map(row => row.querySelector('[data-test="message-text"]').textContent)
  })
}

/** To an edge again and again, as fast as the page lets one, until a message is there. */
async function flings(person, way, text) {
  const list = person.see('message-list')
  const there = person.message(text)
  for (let n = 0; n < 40 && !(await there.count()); n++) {
    const edge = await edgeOf(person, way)
    await list.evaluate((element, up) => element.scrollTo(0, up ? 0 : element.scrollHeight), way === 'up')
    await person.page.waitForFunction(([way, edge]) => {
      const rows = [...document.querySelectorAll('[data-test="message"], [data-test="system-line"]')]
      return rows.at(way === 'up' ? 0 : -1).dataset.seq !== edge
    }, [way, edge], { timeout: 5000 }).catch(() => {})
  }
  await there.waitFor()
  await list.evaluate((element, up) => element.scrollTo(0, up ? 0 : element.scrollHeight), way === 'up')
}

function edgeOf({ page }, way) {
  return page.evaluate(way => [...document.querySelectorAll('[data-test="message"], [data-test="system-line"]')].at(way === 'up' ? 0 : -1).dataset.seq, way)
}
