import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noise, picture } from '../media.mjs'
import { scenario } from '../stage.mjs'

const MB = 1024 * 1024

scenario('A picture and a file arrive', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await bob.enter(id)

  const evening = await picture(alice.page, { width: 4800, height: 2700 })
  assert.ok(evening.length > 512 * 1024, `large enough for a thumbnail: ${evening.length}`)
  await alice.attaches({ name: 'evening.png', mimeType: 'image/png', buffer: evening })
  await alice.says('From the ridge')
  const image = bob.see('image').locator('img')
  await image.waitFor()
  const thumbnail = await sizeOf(image)
  assert.ok(thumbnail.naturalWidth <= 960, `a thumbnail, not the picture: ${thumbnail.naturalWidth} wide`)
  assert.ok(Math.abs(thumbnail.naturalWidth / thumbnail.naturalHeight - 16 / 9) < 0.02, 'as it was, not squeezed')
  assert.ok(Math.abs(thumbnail.width / thumbnail.height - 16 / 9) < 0.02, 'shown as it is')
  await bob.hears('From the ridge')

  await bob.see('image').click()
  const viewed = bob.page.locator('.pswp__img:not(.pswp__img--placeholder)').first()
  await viewed.waitFor()
  assert.deepEqual(await sizeOf(viewed).then(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight]), [4800, 2700])
  await bob.page.keyboard.press('Escape')
  await bob.page.locator('.pswp').waitFor({ state: 'detached' })

  const bytes = noise(300_000)
  await alice.attaches({ name: 'Übersicht 概要 (1).bin', mimeType: 'application/octet-stream', buffer: bytes })
  await alice.see('send').click()
  assert.deepEqual(await bob.downloads('Übersicht 概要 (1).bin'), bytes)
  await alice.settles(2)
  await bob.settles(2)
})

scenario('A large upload tells how far it is and outlives a broken connection and the server', async stage => {
  const wire = await stage.wire()
  const [alice, bob] = await Promise.all([stage.person('alice', { baseURL: wire.url }), stage.person('bob')])
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await bob.enter(id)

  const bytes = noise(40 * MB)
  const film = join(stage.server.folder, 'film.bin')
  await writeFile(film, bytes)
  const offsets = []
  alice.page.on('request', request => request.method() === 'PATCH' && offsets.push(Number(request.headers()['upload-offset'])))

  wire.stallsAfter = 10 * MB
  await alice.attaches(film)
  await alice.see('send').click()
  await alice.hasUploaded(20)
  assert.equal(await bob.see('file').count(), 0)
  wire.cut()
  await alice.see('connection-banner').waitFor()
  const resumed = alice.page.waitForRequest(request => request.method() === 'PATCH')
  wire.mend()
  await resumed

  await alice.hasUploaded(45)
  await stage.server.kill()
  wire.stallsAfter = Infinity
  await stage.server.up()

  assert.deepEqual(await bob.downloads('film.bin'), bytes)
  await alice.settles(1)
  await bob.settles(1)
  assert.ok(offsets.slice(1).every(offset => offset > 0), `never from the start again: ${offsets}`)
  assert.ok(offsets.length >= 3, `broken twice, gone on twice: ${offsets}`)
})

function sizeOf(image) {
  return image.evaluate(async element => {
    await element.decode()
    const { naturalWidth, naturalHeight, clientWidth, clientHeight } = element
    return { naturalWidth, naturalHeight, width: clientWidth, height: clientHeight }
  })
}

scenario('What is sent together arrives in the order chosen, however the uploads go', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await bob.enter(id)
  const file = (name, size) => ({ name, mimeType: 'application/octet-stream', buffer: noise(size) })
  await alice.attaches(file('1 large.bin', 9 * MB), file('2 small.bin', 1000), file('3 middle.bin', 2 * MB), file('4 small.bin', 1000))
  await alice.says('5 and words')
  await bob.hears('5 and words')
  assert.deepEqual(await bob.page.$$eval('[data-test="message"]', rows => rows.map(row => row.innerText.match(/\d/)[0])), ['1', '2', '3', '4', '5'])
})

scenario('Moving pictures move, and the viewer has the words and comes nearer', async stage => {
  const [alice, bob] = await stage.cast('alice', 'bob')
  const id = await alice.befriend(bob)
  await alice.enter(id)
  await bob.enter(id)
  await alice.attaches({ name: 'turning.gif', mimeType: 'image/gif', buffer: GIF })
  await alice.says('Round and round')
  const image = bob.see('image').locator('img')
  await image.waitFor()
  assert.match(await image.getAttribute('src'), /files\/[^/]+$/, 'the original')

  await bob.see('image').click()
  await bob.see('viewer-caption', { hasText: 'Round and round' }).waitFor()
  const picture = bob.page.locator('.pswp__img:not(.pswp__img--placeholder)').first()
  await picture.waitFor()
  const width = async () => (await picture.boundingBox()).width
  const grows = async from => {
    await bob.page.waitForFunction(before => document.querySelector('.pswp__img:not(.pswp__img--placeholder)').getBoundingClientRect().width > before + 1, from)
    return width()
  }
  await bob.page.locator('.pswp--open').waitFor()
  const first = await width()
  await picture.hover()
  await bob.page.mouse.wheel(0, -300)
  const nearer = await grows(first)
  await bob.page.mouse.wheel(0, 3000)
  await bob.page.waitForFunction(before => document.querySelector('.pswp__img:not(.pswp__img--placeholder)').getBoundingClientRect().width < before - 1, nearer)
  await picture.dblclick()
  await grows(first)
})

/** Two frames of eight pixels, for ever. */
const GIF = Buffer.from('R0lGODlhCAAIAPEAAP88PDw8/wAAAP///yH/C05FVFNDQVBFMi4wAwEAAAAh+QQEMgAAACwAAAAACAAIAAACJQQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgQIECBAgAABAgUAIfkEBDIAAAAsAAAAAAgACAAAAiVMmDBhwoQJEyZMmDBhwoQJEyZMmDBhwoQJEyZMmDBhwoQJEyYFADs=', 'base64')
