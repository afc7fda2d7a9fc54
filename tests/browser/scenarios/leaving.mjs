import assert from 'node:assert/strict'
import { scenario } from '../stage.mjs'

scenario('Whoever signs out leaves nothing behind, in no tab', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await leavesTraces(alice, bob)
  const other = await alice.context.newPage()
  await other.goto(`/c/${id}`)
  await other.locator('[data-test="composer"], [data-test="not-writable"]').waitFor()

  await alice.go('/settings')
  await alice.see('sign-out').click()
  await alice.confirms()
  for (const page of [alice.page, other]) await page.locator('[data-test="sign-in-name"]').waitFor()
  assert.deepEqual(await traces(alice.page), [])
}, { refused: true })

scenario('Whoever is signed out from elsewhere leaves nothing behind either, even if the page was closed', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  await leavesTraces(alice, bob)
  await alice.page.goto('about:blank')
  const phone = await stage.device(alice)
  const { logins } = await phone.request('GET', '/api/v1/logins')
  await phone.request('DELETE', `/api/v1/logins/${logins.find(({ current }) => !current).id}`)

  await alice.open('/c')
  await alice.see('sign-in-name').waitFor()
  await alice.page.waitForFunction(() => !localStorage['beckon.person'])
  assert.deepEqual(await traces(alice.page), [])
}, { refused: true })

/** A draft, and a message that was refused. */
async function leavesTraces(alice, bob) {
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await alice.context.setOffline(true)
  await alice.says('my secret, not sent')
  await alice.see('composer').fill('my secret, not finished')
  await bob.request('DELETE', `/api/v1/contacts/${(await alice.me()).id}`)
  await alice.context.setOffline(false)
  await alice.page.locator('[data-pending="failed"]').waitFor()
  assert.equal((await traces(alice.page)).length, 2)
  return id
}

/** Where a page's storage still tells of secrets. */
function traces(page) {
  return page.evaluate(async () => {
    const found = Object.entries(localStorage).filter(([, value]) => value.includes('secret')).map(([key]) => key)
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((resolve, reject) => {
        const opening = indexedDB.open(name)
        opening.onsuccess = () => resolve(opening.result)
        opening.onerror = () => reject(opening.error)
      })
      for (const store of database.objectStoreNames) {
        const all = await new Promise(resolve => { database.transaction(store).objectStore(store).getAll().onsuccess = event => resolve(event.target.result) })
        if (JSON.stringify(all).includes('secret')) found.push(name)
      }
      database.close()
    }
    return found
  })
}
