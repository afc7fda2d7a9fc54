/** Makes the pictures of the README: npm run screenshot */
import { fileURLToPath } from 'node:url'
import { closeBrowsers } from './browsers.mjs'
import { Attendee } from './groupcall.mjs'
import { settle } from './look.mjs'
import { dress } from './portraits.mjs'
import { scene } from './scene.mjs'
import { Server } from './server.mjs'
import { Stage } from './stage.mjs'

const stage = new Stage()
try {
  stage.server = await Server.start()
  const world = await scene(stage, 'en', { timezoneId: whereItIsEight() })
  await world.mia.page.setViewportSize({ width: 1280, height: 800 })
  await world.mia.page.reload()
  await conversation(world)
  await groupCall(world)
} finally {
  await stage.close()
  await closeBrowsers()
}

async function conversation({ mia, lin, emma, talk, group, words }) {
  await Promise.all([lin.enter(group), emma.enter(group)])
  await mia.enter(talk)
  await mia.see('image').locator('img').evaluate(image => image.decode())
  await mia.see('typing').waitFor({ state: 'detached' })
  await mia.see('composer').fill(words.draft)
  // Somebody writes in the group while we look.
  await lin.see('composer').pressSequentially('Who')
  await mia.conversation(group).locator('.typing').waitFor()
  await picture(mia, 'screenshot')
}

async function groupCall({ mia, lin, emma, group }) {
  const attendees = await Attendee.all(mia, emma, lin)
  for (const { person } of attendees) await dress(person)
  await mia.enter(group)
  const [me, first, second] = attendees
  await first.starts()
  await second.joins()
  await me.joins()
  await Promise.all([me.watches(first), me.watches(second)])
  await second.see('call-screen').click()
  const screen = mia.see('room-screen')
  await screen.waitFor()
  await mia.page.mouse.move(0, 0)
  // Text is sharp once the picture has been refined a few times.
  await screen.evaluate(video => new Promise(done => {
    let frames = 0
    const look = () => (++frames < 15 ? video.requestVideoFrameCallback(look) : done())
    look()
  }))
  await picture(mia, 'group-call')
}

async function picture(person, name) {
  const path = fileURLToPath(new URL(`../../docs/${name}.png`, import.meta.url))
  await person.page.evaluate(settle)
  await person.page.screenshot({ path })
  console.log(path)
}

/** Messages are sent now; the picture is of a morning. */
function whereItIsEight() {
  const hours = new Date().getUTCHours() - 8
  const west = hours > 12 ? hours - 24 : hours
  return `Etc/GMT${west < 0 ? '' : '+'}${west}`
}
