import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { scene } from '../scene.mjs'
import { scenario } from '../stage.mjs'

const { source: axe } = createRequire(import.meta.url)('axe-core')

/** Where pictures of every page go for people to look at, if anywhere. */
const shots = process.env.BECKON_SHOTS

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
}

for (const lang of ['en', 'zh']) {
  scenario(`Every page fits and can be used: ${lang}`, async stage => {
    const world = await scene(stage, lang)
    const problems = []
    for (const theme of ['light', 'dark']) {
      for (const [screen, options] of Object.entries(SCREENS)) {
        const look = new Look(`${lang}-${theme}-${screen}`, problems)
        // Each theme and each screen is judged in one of the languages; words change neither colours nor roles.
        look.judges = (lang === 'en') === (theme === 'light')
        await tour(stage, world, look, { lang, theme, nickname: world.mia.nickname, ...options })
      }
    }
    assert.deepEqual(problems, [])
  })
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

/** One language, theme and screen. */
class Look {
  constructor(name, problems) {
    this.name = name
    this.problems = problems
  }

  async at(person, what, { judged = this.judges } = {}) {
    await person.page.evaluate(settle)
    if (shots) {
      await mkdir(shots, { recursive: true })
      await person.page.screenshot({ path: join(shots, `${what}-${this.name}.png`) })
    }
    const found = await person.page.evaluate(sticksOut)
    if (judged) found.push(...await violations(person.page))
    this.problems.push(...found.map(problem => `${what} ${this.name}: ${problem}`))
  }
}

/** Whatever moves has arrived; what moves for ever does not count. */
function settle() {
  const moving = document.getAnimations().filter(animation => animation.effect.getTiming().iterations !== Infinity)
  return Promise.allSettled(moving.map(animation => animation.finished)).then(() => {})
}

/** What a person would have to scroll sideways for, or cannot reach at all. */
function sticksOut() {
  const { clientWidth, scrollWidth } = document.documentElement
  const out = scrollWidth > clientWidth ? [`the page: ${scrollWidth} > ${clientWidth}`] : []
  for (const element of document.querySelectorAll('button, a, input, textarea, h1, h2, time')) {
    const { left, right, width } = element.getBoundingClientRect()
    const hidden = !element.checkVisibility() || width <= 1 || element.closest('.visually-hidden')
    if (!hidden && (left < -1 || right > clientWidth + 1)) out.push(element.outerHTML.slice(0, 120))
  }
  return out
}

/** What axe finds that keeps people out. */
async function violations(page) {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join('; ')}`)
  })
}
