import assert from 'node:assert/strict'
import { Look } from '../look.mjs'
import { scene } from '../scene.mjs'
import { scenario } from '../stage.mjs'

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
}

for (const lang of ['en', 'zh']) {
  for (const theme of ['light', 'dark']) {
    scenario(`Every page fits and can be used: ${lang}, ${theme}`, async stage => {
      const world = await scene(stage, lang)
      const problems = []
      for (const [screen, options] of Object.entries(SCREENS)) {
        const look = new Look(`${lang}-${theme}-${screen}`, problems)
        // Each theme and each screen is judged in one of the languages; words change neither colours nor roles.
        look.judges = (lang === 'en') === (theme === 'light')
        await tour(stage, world, look, { lang, theme, nickname: world.mia.nickname, ...options })
      }
      assert.deepEqual(problems, [])
    })
  }
}

async function tour(stage, { talk, noah }, look, options) {
  const visitor = await stage.stranger('mia', options)
  await visitor.open('/sign-in')
  await visitor.see('sign-in-name').waitFor()
  await look.at(visitor, 'sign-in')
  await visitor.see('sign-up-switch').click()
  await visitor.see('sign-in-nickname').waitFor()
  await look.at(visitor, 'sign-up')

  await visitor.signIn()
  await visitor.open('/c')
  await visitor.conversation(talk).waitFor()
  await look.at(visitor, 'list')
  await visitor.open(`/c/${talk}`)
  await visitor.see('image').locator('img').evaluate(image => image.decode())
  await look.at(visitor, 'chat')

  await visitor.open('/contacts')
  await visitor.see('contact-item').first().waitFor()
  await look.at(visitor, 'contacts')
  await visitor.see('contact-item').first().click()
  await visitor.see('contact-card').waitFor()
  await look.at(visitor, 'contact')
  await visitor.open('/settings')
  await visitor.see('sign-out').waitFor()
  await look.at(visitor, 'settings')
  await visitor.open('/settings/devices')
  await visitor.see('login').first().waitFor()
  await look.at(visitor, 'devices')

  await visitor.open(`/c/${talk}`)
  await visitor.call.calls('video')
  await look.at(visitor, 'calling', { judged: false })
  await look.at(noah, 'incoming', { judged: false })
  await noah.call.accepts()
  await visitor.call.isIn('live')
  await visitor.call.watches('call-remote-video')
  await look.at(visitor, 'call', { judged: false })
  await visitor.call.hangsUp()
  await visitor.see('call-ended').waitFor()
  await look.at(visitor, 'call-ended', { judged: false })
  await noah.call.leavesAfter('completed')
  await visitor.context.close()
}
