import { mkdir, copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { browser, CONTEXT_OPTIONS, within } from './browsers.mjs'
import { Person } from './person.mjs'
import { Server } from './server.mjs'
import { Wire } from './wire.mjs'

/** No scenario takes longer, whatever hangs. */
const SCENARIO_MS = 90_000

/** Console lines that say only that the server was away or said no, for scenarios that bring it about. */
const EXPECTED = /Failed to load resource|WebSocket connection to|error reading from signal stream|Failed to fetch|websocket error during connection establishment|Received leave request while trying to|requested room does not exist|cannot send signal request before connected/

const failures = fileURLToPath(new URL('failures/', import.meta.url))

/**
 * A test in real browsers against a server of its own. Everything it opened is closed whatever happens; of a
 * failure the last pictures, the consoles and the server's log are kept, and their folder is printed.
 */
export function scenario(name, act, { skip = false, refused = false, settings = {} } = {}) {
  test(name, { skip }, async () => {
    const stage = new Stage()
    try {
      stage.server = await Server.start(settings)
      await limited(act(stage))
      stage.complain({ refused })
    } catch (error) {
      const folder = join(failures, name.toLowerCase().replace(/[^a-z0-9]+/g, '-'))
      await within(stage.keep(folder), 15_000)
      throw new Error(`${error.message}\nlook at ${folder}`, { cause: error })
    } finally {
      await stage.close()
    }
  })
}

/** Fails what hangs, so that its pictures are taken while it still does. */
function limited(promise) {
  let timer
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${SCENARIO_MS / 1000} s`)), SCENARIO_MS)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

export class Stage {
  people = []
  wires = []

  /** Somebody with a browser of their own, signed up, looking at their conversations. */
  async person(name, options = {}) {
    const person = await this.stranger(name, options)
    await person.register()
    await person.open('/c')
    await person.online()
    return person
  }

  /** Several at once. */
  async cast(...names) {
    return Promise.all(names.map(name => this.person(name)))
  }

  /** Somebody who has no account yet. */
  async stranger(name, { kind = 'chromium', lang = 'en', theme = 'light', nickname, ...context } = {}) {
    const opened = await (await browser(kind)).newContext({ ...CONTEXT_OPTIONS[kind], baseURL: this.server.url, viewport: { width: 1180, height: 760 }, ...context })
    const person = new Person(name, { context: opened, kind, nickname })
    this.people.push(person)
    await person.prepare({ lang, theme })
    return person
  }

  /** A cable of one's own to the server: the `baseURL` of somebody whose network fails. */
  async wire() {
    const wire = await Wire.lay(this.server)
    this.wires.push(wire)
    return wire
  }

  /** The same person at another device. */
  async device(person) {
    const other = await this.stranger(person.name, { kind: person.kind })
    await other.signIn()
    await other.open('/c')
    await other.online()
    return other
  }

  /** What no scenario may leave behind; one that is `refused` something is told so in the console. */
  complain({ refused }) {
    const disturbed = refused || this.server.kills > 0 || this.wires.length > 0
    const problems = this.people.flatMap(person => person.problems
      .filter(problem => !(disturbed && EXPECTED.test(problem)))
      .map(problem => `${person.name}: ${problem}`))
    if (problems.length) throw new Error(`the pages complained:\n${problems.join('\n')}`)
  }

  async keep(folder) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    await Promise.allSettled(this.people.map((person, n) => person.keep(join(folder, `${n + 1}-${person.name}`))))
    if (this.server) await copyFile(this.server.logFile, join(folder, 'server.log'))
  }

  async close() {
    await Promise.all(this.people.map(person => within(person.context.close(), 5000)))
    for (const wire of this.wires) wire.close()
    await this.server?.close()
  }
}
