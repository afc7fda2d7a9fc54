/** Makes the picture of the README: npm run screenshot */
import { fileURLToPath } from 'node:url'
import { closeBrowsers } from './browsers.mjs'
import { settle } from './look.mjs'
import { scene } from './scene.mjs'
import { Server } from './server.mjs'
import { Stage } from './stage.mjs'

const path = fileURLToPath(new URL('../../docs/screenshot.png', import.meta.url))

const stage = new Stage()
try {
  stage.server = await Server.start()
  const { mia, lin, emma, talk, group, words } = await scene(stage, 'en', { timezoneId: whereItIsEight() })
  await Promise.all([lin.enter(group), emma.enter(group)])
  await mia.page.setViewportSize({ width: 1280, height: 800 })
  await mia.page.reload()
  await mia.enter(talk)
  await mia.see('image').locator('img').evaluate(image => image.decode())
  await mia.see('typing').waitFor({ state: 'detached' })
  await mia.see('composer').fill(words.draft)
  // Somebody writes in the group while we look.
  await lin.see('composer').pressSequentially('Who')
  await mia.conversation(group).locator('.typing').waitFor()
  await mia.page.evaluate(settle)
  await mia.page.screenshot({ path })
  console.log(path)
} finally {
  await stage.close()
  await closeBrowsers()
}

/** Messages are sent now; the picture is of a morning. */
function whereItIsEight() {
  const hours = new Date().getUTCHours() - 8
  const west = hours > 12 ? hours - 24 : hours
  return `Etc/GMT${west < 0 ? '' : '+'}${west}`
}
