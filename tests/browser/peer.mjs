import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PATIENCE_MS = 20_000

const running = new Set()
process.on('exit', () => running.forEach(child => child.kill('SIGKILL')))

/** A process in a room that is no browser: LiveKit's SDK for Node, see `native.mjs`. */
export class Peer {
  received = {}
  said = []
  listeners = new Set()

  static async enter(stage, name, mode) {
    const peer = new Peer()
    peer.name = name
    const url = stage.server.url.replace('http', 'ws')
    const token = await stage.server.token('hall', name)
    peer.process = spawn(process.execPath, [fileURLToPath(new URL('native.mjs', import.meta.url)), url, token, mode], { stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(peer.process)
    peer.gone = new Promise(resolve => peer.process.once('close', resolve)).then(() => running.delete(peer.process))
    peer.errors = ''
    peer.process.stderr.on('data', text => { peer.errors += text })
    createInterface({ input: peer.process.stdout }).on('line', line => peer.hear(line))
    await peer.until('has entered', () => peer.said.some(line => line.entered))
    return peer
  }

  hear(line) {
    if (!line.startsWith('{')) return
    const said = JSON.parse(line)
    if (said.received) this.received = said.received
    else this.said.push(said)
    for (const listener of this.listeners) listener()
  }

  async until(what, condition) {
    let look
    let timer
    try {
      await new Promise((resolve, reject) => {
        look = () => condition() && resolve()
        timer = setTimeout(() => reject(new Error(`${this.name} never ${what}: ${JSON.stringify([this.received, this.said])}\n${this.errors.slice(-2000)}`)), PATIENCE_MS)
        this.listeners.add(look)
        void this.gone.then(() => reject(new Error(`${this.name} ended before it ${what}:\n${this.errors.slice(-2000)}`)))
        look()
      })
    } finally {
      clearTimeout(timer)
      this.listeners.delete(look)
    }
  }

  /** Frames of the other come in, and sound that is not silence. */
  async meets(other) {
    const grown = (kind, counter, from, by) => (this.received[`${other.name} ${kind}`]?.[counter] ?? 0) >= from + by
    const start = kind => this.received[`${other.name} ${kind}`]?.frames ?? 0
    const [video, audio] = [start('video'), start('audio')]
    await this.until(`saw ${other.name}`, () => grown('video', 'frames', video, 20))
    await this.until(`heard ${other.name}`, () => grown('audio', 'frames', audio, 50) && grown('audio', 'loud', 0, 5))
  }

  async reads(text, from) {
    await this.until(`read "${text}"`, () => this.said.some(said => said.data === text && said.from === from))
  }

  async leaves() {
    this.process.stdin.end()
    await this.gone
  }
}
