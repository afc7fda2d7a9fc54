import { execFile, spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A server that has not begun to listen by then never will. */
const START_MS = 20_000

/** Nothing outlives the tests, not even tests that were interrupted. */
const running = new Set()
process.on('exit', () => running.forEach(child => child.kill('SIGKILL')))

const root = fileURLToPath(new URL('../..', import.meta.url))
const binary = process.env.BECKON_BIN || join(root, 'target/debug/beckon')

/** One real `beckon serve` on a data folder of its own; it may be killed and started again at the same address. */
export class Server {
  kills = 0

  /** With settings of its own, as environment variables. */
  static async start(settings = {}) {
    if (!existsSync(binary)) throw new Error(`no server at ${binary}: run cargo build, or set BECKON_BIN`)
    const server = new Server()
    server.folder = await mkdtemp(join(tmpdir(), 'beckon-browser-'))
    server.logFile = join(server.folder, 'server.log')
    server.log = createWriteStream(server.logFile, { flags: 'a' })
    server.port = 0
    server.settings = settings
    await server.up().catch(async error => {
      await server.close()
      throw error
    })
    return server
  }

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  async up() {
    const listen = `127.0.0.1:${this.port}`
    const places = ['--data-dir', join(this.folder, 'data'), '--http-listen', listen, '--media-udp', '127.0.0.1:0']
    this.process = spawn(binary, ['serve', ...places], {
      cwd: this.folder,
      env: { ...process.env, BECKON_LIMITS__SIGN_INS_PER_MINUTE: '600', ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { process: child } = this
    running.add(child)
    this.gone = new Promise(resolve => child.once('close', resolve)).then(() => running.delete(child))
    this.process.stderr.pipe(this.log, { end: false })
    const lines = createInterface({ input: this.process.stdout })
    const port = await new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('the server did not start in time')), START_MS)
      lines.on('line', line => {
        this.log.write(`${line}\n`)
        const [, found] = line.match(/^listening on http:\/\/127\.0\.0\.1:(\d+)/) ?? []
        if (found) resolve(Number(found))
        if (found) clearTimeout(limit)
      })
      void this.gone.then(() => {
        clearTimeout(limit)
        reject(new Error(`the server ended before it listened; its log: ${this.logFile}`))
      })
    })
    this.port = port
  }

  /** What lets somebody into a room. */
  async token(room, identity) {
    const args = ['token', '--data-dir', join(this.folder, 'data'), '--room', room, '--identity', identity]
    const { stdout } = await promisify(execFile)(binary, args, { cwd: this.folder })
    return stdout.trim()
  }

  /** As a power cut does: nothing is finished, nothing is said. */
  async kill() {
    this.kills++
    this.process.kill('SIGKILL')
    await this.gone
  }

  async close() {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.kill()
    this.log.end()
    await rm(this.folder, { recursive: true, force: true })
  }
}
