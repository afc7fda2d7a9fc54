import { readFile, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { Caller, keepConnections } from './call.mjs'

/** How long anything on a page may take before it counts as not happening. */
export const PATIENCE_MS = 15_000

/** Somebody at a browser, in the words of what they do and see. */
export class Person {
  password = 'a horse and a staple'
  problems = []
  consoleLines = []

  constructor(name, { context, kind, nickname }) {
    this.name = name
    /** As people are called in the pages. */
    this.nickname = nickname ?? name[0].toUpperCase() + name.slice(1)
    this.context = context
    this.kind = kind
  }

  async prepare({ lang, theme }) {
    this.context.setDefaultTimeout(PATIENCE_MS)
    await this.remember('beckon.lang', lang)
    await this.remember('beckon.theme', theme)
    await this.context.addInitScript(keepConnections)
    this.page = await this.context.newPage()
    this.call = new Caller(this)
    this.page.on('console', message => this.note(message.type(), message.text()))
    this.page.on('pageerror', error => this.note('error', error.stack ?? String(error)))
  }

  note(type, text) {
    this.consoleLines.push(`${new Date().toISOString()} ${type}: ${text}`)
    if (type === 'error') this.problems.push(text)
  }

  async keep(path) {
    await writeFile(`${path}.console.txt`, this.consoleLines.join('\n'))
    await this.page.screenshot({ path: `${path}.png`, timeout: 5000 })
  }

  /** An element by its hook; see web/HOOKS.md. */
  see(hook, options) {
    return this.page.locator(`[data-test="${hook}"]`, options)
  }

  async open(path) {
    await this.page.goto(path)
  }

  /** Goes elsewhere in the app without loading the page anew. */
  async go(path) {
    await this.page.locator(`a[href="${path}"]:visible`).first().click()
  }

  /** Says yes to what cannot be undone. */
  async confirms() {
    await this.page.locator('.el-message-box .el-button--danger').click()
  }

  // An account, by the same API as the page and with the same cookies.

  async register() {
    await this.enterAs(await this.post('/api/v1/users', { name: this.name, password: this.password, nickname: this.nickname, ...this.device() }))
  }

  async signIn() {
    await this.enterAs(await this.post('/api/v1/logins', { name: this.name, password: this.password, ...this.device() }))
  }

  /** A page asks who it is only where somebody has signed in before. */
  async enterAs({ access_expires_at }) {
    await this.remember('beckon.access_expires_at', access_expires_at)
  }

  /** What the pages find in their storage, unless they have put something else there. */
  async remember(key, value) {
    await this.context.addInitScript(([key, value]) => {
      // Firefox runs this in its blank first page too, which has no storage.
      if (location.protocol.startsWith('http')) localStorage[key] ??= value
    }, [key, value])
  }

  device() {
    return { device: { id: randomUUID(), kind: 'web', name: 'Test' }, transport: 'cookie' }
  }

  async post(path, data) {
    return this.request('POST', path, data)
  }

  async request(method, path, data, headers) {
    const answer = await this.context.request.fetch(path, { method, data, headers })
    if (!answer.ok()) throw new Error(`${this.name}: ${method} ${path}: ${answer.status()} ${await answer.text()}`)
    return answer.status() === 204 ? undefined : answer.json()
  }

  /** Shows a picture of themselves. */
  async wears(jpeg) {
    await this.request('PUT', '/api/v1/me/avatar', jpeg, { 'content-type': 'image/jpeg' })
  }

  async me() {
    return this.request('GET', '/api/v1/me')
  }

  /** Through the page itself, as a newcomer would. */
  async signUp() {
    await this.open('/')
    await this.see('sign-up-switch').click()
    await this.see('sign-in-name').fill(this.name)
    await this.see('sign-in-nickname').fill(this.nickname)
    await this.see('sign-in-password').fill(this.password)
    await this.see('sign-in-submit').click()
    await this.online()
  }

  /** The page hears the server: somebody's own presence shows nowhere, the list does. */
  async online() {
    await this.page.locator('[data-test="conversation-search"]').waitFor()
  }

  /**
   * Puts a hand on the page's socket from its next load on: with `questions` false the server hears nothing more,
   * with `answers` false the page hears nothing more, and neither is told.
   */
  async holdWire() {
    const wire = { questions: true, answers: true }
    await this.page.routeWebSocket(/\/api\/v1\/ws/, socket => {
      const server = socket.connectToServer()
      socket.onMessage(frame => wire.questions && server.send(frame))
      server.onMessage(frame => wire.answers && socket.send(frame))
    })
    return wire
  }

  // Conversations.

  /** Becomes a contact of somebody without any page. */
  async befriend(other) {
    const { id } = await other.me()
    const request = await this.post('/api/v1/contact-requests', { user_id: id })
    await other.post(`/api/v1/contact-requests/${request.id}/accept`)
    return (await this.post('/api/v1/conversations/direct', { user_id: id })).id
  }

  conversation(id) {
    return this.page.locator(`[data-test="conversation-item"][data-id="${id}"]`)
  }

  async enter(id) {
    await this.conversation(id).click()
    await this.see('composer').waitFor()
  }

  async says(text) {
    await this.see('composer').fill(text)
    await this.see('send').click()
  }

  /** Puts files into the tray of the composer. */
  async attaches(...files) {
    await this.see('attach-file').setInputFiles(files)
    await this.see('tray-item').nth(files.length - 1).waitFor()
  }

  async hasUploaded(percent) {
    await this.page.waitForFunction(wanted => {
      const bar = document.querySelector('[data-test="upload-progress"] [role="progressbar"]')
      return Number(bar?.getAttribute('aria-valuenow')) >= wanted
    }, percent)
  }

  /** The bytes behind a file message, as the browser saves them; the name is kept. */
  async downloads(name) {
    const link = this.page.locator('a[data-test="file"]', { hasText: name })
    await link.waitFor({ timeout: 2 * PATIENCE_MS })
    const [download] = await Promise.all([this.page.waitForEvent('download'), link.click()])
    if (download.suggestedFilename() !== name) throw new Error(`saved as ${download.suggestedFilename()}`)
    return readFile(await download.path())
  }

  /** A text without any page. */
  async sends(id, text) {
    await this.post(`/api/v1/conversations/${id}/messages`, { client_msg_id: randomUUID(), body: { type: 'text', text } })
  }

  /** Messages whose words are exactly these. */
  message(text) {
    return this.see('message').filter({ has: this.page.locator(`[data-test="message-text"]:text-is(${JSON.stringify(text)})`) })
  }

  async hears(text) {
    await this.message(text).first().waitFor()
  }

  /** The tick of a message of mine. */
  async seesState(text, state) {
    await this.message(text).locator(`[data-test="message-state"][data-state="${state}"]`).waitFor()
  }

  /** The messages in their order: what they say, with their numbers. */
  async transcript() {
    return this.page.$$eval('[data-test="message"]', rows => rows.map(row => `${row.dataset.seq ?? '?'} ${row.querySelector('[data-test="message-text"]')?.textContent ?? ''}`.trim()))
  }

  /** Waits until as many messages are there, none of them on its way. */
  async settles(count) {
    await this.page.waitForFunction(wanted => {
      const rows = [...document.querySelectorAll('[data-test="message"]')]
      return rows.length === wanted && rows.every(row => !row.dataset.pending)
    }, count).catch(async error => {
      throw new Error(`${this.name} does not come to ${count} messages: ${JSON.stringify(await this.transcript())}`, { cause: error })
    })
  }
}
