import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { browser, CONTEXT_OPTIONS } from './browsers.mjs'

/** How long anything in a room may take before it counts as not happening. */
const PATIENCE_MS = 15_000

const FILES = {
  '/': ['text/html', new URL('guest/index.html', import.meta.url)],
  '/first-frame.html': ['text/html', new URL('guest/first-frame.html', import.meta.url)],
  '/page.js': ['text/javascript', new URL('guest/page.js', import.meta.url)],
  '/livekit-client.umd.js': ['text/javascript', new URL('../../web/node_modules/livekit-client/dist/livekit-client.umd.js', import.meta.url)],
}

let opened

/** Where guests' pages come from: not from the server, because any page may use its rooms. */
export function hall() {
  return opened ??= open()
}

async function open() {
  const server = createServer(async (request, response) => {
    const [type, file] = FILES[request.url] ?? []
    if (!file) return response.writeHead(404).end()
    response.setHeader('content-type', type).end(await readFile(file))
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}/`
}

/** Somebody in a room by livekit-client alone, in the words of what they do, see and hear. */
export class Guest {
  problems = []
  consoleLines = []

  constructor(name, context) {
    this.name = name
    this.context = context
  }

  /** With a browser to themselves if `own` is one. */
  static async arrive(stage, name, { kind = 'chromium', own } = {}) {
    const context = await (own ?? await browser(kind)).newContext(CONTEXT_OPTIONS[kind])
    const guest = new Guest(name, context)
    stage.people.push(guest)
    context.setDefaultTimeout(PATIENCE_MS)
    guest.page = await context.newPage()
    guest.page.on('console', message => guest.note(message.type(), message.text()))
    guest.page.on('pageerror', error => guest.note('error', error.stack ?? String(error)))
    await guest.page.goto(await hall())
    return guest
  }

  note(type, text) {
    this.consoleLines.push(`${new Date().toISOString()} ${type}: ${text}`)
    if (type === 'error') this.problems.push(text)
  }

  async keep(path) {
    const events = await this.page.evaluate(() => guest.events).catch(() => ['the page is gone'])
    await writeFile(`${path}.console.txt`, [...this.consoleLines, ...events].join('\n'))
    await this.page.screenshot({ path: `${path}.png`, timeout: 5000 })
  }

  /** Enters a room of the server, by way of a wire if there is one, and shows themselves unless told otherwise. */
  async enters(stage, { room = 'hall', publish = {}, wire, ...options } = {}) {
    const token = await stage.server.token(room, this.name)
    const url = (wire ?? stage.server).url.replace('http', 'ws')
    await this.page.evaluate(([url, token, options]) => guest.enter(url, token, options), [url, token, options])
    if (publish) await this.publishes(publish)
    return this
  }

  async publishes(what) {
    await this.page.evaluate(what => guest.publish(what), what)
  }

  /** What goes out of the camera, a line for each stream. */
  async sending() {
    return this.page.evaluate(() => guest.sending())
  }

  async believes(version) {
    await this.page.evaluate(version => { guest.believe(version) }, version)
  }

  async canSend(codec) {
    return this.page.evaluate(codec => RTCRtpSender.getCapabilities('video').codecs.some(({ mimeType }) => mimeType.toLowerCase() === `video/${codec}`), codec)
  }

  async unpublishes(source) {
    await this.page.evaluate(source => guest.unpublish(source), source)
  }

  async mutes(source, muted) {
    await this.page.evaluate(([source, muted]) => guest.mute(source, muted), [source, muted])
  }

  async says(text, { reliable = true } = {}) {
    await this.page.evaluate(([text, reliable]) => guest.say(text, reliable), [text, reliable])
  }

  async leaves() {
    await this.page.evaluate(() => guest.room.disconnect())
  }

  /** As livekit-client plays failures: `signal-reconnect`, `full-reconnect`. */
  async suffers(scenario) {
    await this.page.evaluate(scenario => guest.room.simulateScenario(scenario), scenario)
  }

  async wishes(other, quality) {
    await this.page.evaluate(([identity, quality]) => guest.wish(identity, quality), [other.name, quality])
  }

  async subscribes(other, source, wanted) {
    await this.page.evaluate(([identity, source, wanted]) => guest.subscribe(identity, source, wanted), [other.name, source, wanted])
  }

  async received(other, source) {
    return this.page.evaluate(([identity, source]) => guest.received(identity, source), [other.name, source])
  }

  /** Frames of the other's camera are decoded, new ones. */
  async watches(other, { frames = 15, source = 'camera' } = {}) {
    await this.gets(other, source, ['frames', frames])
  }

  /** The other's camera plays on, without a freeze that anybody would notice and without asking for keyframes. */
  async watchesSmoothly(other, { frames = 75 } = {}) {
    const before = await this.received(other, 'camera')
    await this.watches(other, { frames })
    const after = await this.received(other, 'camera')
    const [frozen, plis] = [after.frozen - before.frozen, after.plis - before.plis]
    // A busy machine holds up a picture too, but not for so long, and costs at most one packet too many.
    if (frozen > 1 || plis > 1) throw new Error(`${this.name} sees ${other.name} freeze for ${frozen} s, and asks for ${plis} keyframes`)
  }

  /** Sound of the other's microphone comes and is loud. */
  async hears(other) {
    await this.gets(other, 'microphone', ['packets', 25], ['energy', 1e-6])
  }

  async meets(...others) {
    await Promise.all(others.flatMap(other => [this.watches(other), this.hears(other)]))
  }

  /** Waits until counters of a track have grown by so much. */
  async gets(other, source, ...growths) {
    const grow = ([identity, source, growths, patience]) => {
      let before
      return guest.awaitStats(identity, source, patience, now => {
        // a new stream, or the first look
        if (!before || now.ssrc !== before.ssrc) before = now
        return growths.every(([counter, growth]) => (now[counter] ?? 0) >= (before[counter] ?? 0) + growth)
      })
    }
    const got = await this.page.evaluate(grow, [other.name, source, growths, PATIENCE_MS])
    if (!got) throw new Error(`${this.name} gets no ${source} of ${other.name}: ${JSON.stringify(await this.received(other, source))}`)
  }

  /** The other's camera comes in this size. */
  async seesSize(other, width) {
    const see = ([identity, width, patience]) => guest.awaitStats(identity, 'camera', patience, now => now.width === width)
    const seen = await this.page.evaluate(see, [other.name, width, PATIENCE_MS])
    if (!seen) throw new Error(`${this.name} does not see ${other.name} ${width} wide: ${JSON.stringify(await this.received(other, 'camera'))}`)
  }

  /** An element that plays a track of the other. */
  element(other, source = 'camera') {
    return this.page.locator(`[data-of="${other.name}"][data-source="${source}"]`)
  }

  /** Something happened, such as `participantDisconnected bob`. */
  async notices(event, timeout = PATIENCE_MS) {
    await this.page.waitForFunction(event => guest.events.includes(event), event, { timeout }).catch(async error => {
      throw new Error(`${this.name} does not notice "${event}": ${JSON.stringify(await this.page.evaluate(() => guest.events))}`, { cause: error })
    })
  }

  async forgets() {
    await this.page.evaluate(() => { guest.events.length = 0 })
  }

  async reads(message) {
    await this.page.waitForFunction(message => guest.messages.includes(message), message).catch(async error => {
      throw new Error(`${this.name} does not read "${message}": ${JSON.stringify(await this.page.evaluate(() => guest.messages))}`, { cause: error })
    })
  }
}
