import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { source: axe } = createRequire(import.meta.url)('axe-core')

/** Where pictures of every page go for people to look at, if anywhere. */
const shots = process.env.BECKON_SHOTS

/** One language, theme and screen: takes pictures and notes what is wrong with a page. */
export class Look {
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

/**
 * Whatever moves has arrived. Motion begins a frame or two after its cause. What moves for ever does not count, and
 * nor does what moves again: levels of voices never rest.
 */
export async function settle() {
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve))
  const arrived = new Set()
  const moving = () => document.getAnimations().filter(({ playState, effect }) =>
    playState === 'running' && effect.getTiming().iterations !== Infinity && !arrived.has(effect.target))
  let motions
  do {
    for (let frames = 0; frames < 3; frames++) await frame()
    motions = moving()
    await Promise.allSettled(motions.map(motion => motion.finished))
    motions.forEach(motion => arrived.add(motion.effect.target))
  } while (motions.length)
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
