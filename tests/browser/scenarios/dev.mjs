import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Attendee } from '../groupcall.mjs'
import { scenario } from '../stage.mjs'

const web = fileURLToPath(new URL('../../../web/', import.meta.url))

scenario('The development server opens conversations and rooms like the real one', async stage => {
  const vite = await DevServer.start(stage.server.url)
  try {
    const people = await Promise.all(['alice', 'bob'].map(name => stage.person(name, { baseURL: vite.url })))
    const [alice, bob] = await Attendee.inGroup(...people)
    await alice.starts('voice')
    await bob.joins('voice')
    await alice.hears(bob)
  } finally {
    vite.stop()
  }
})

/** `npm run dev`, in front of a server. */
class DevServer {
  static async start(server) {
    const dev = new DevServer()
    dev.process = spawn('node_modules/.bin/vite', ['--port', '0', '--host', '127.0.0.1'], { cwd: web, env: { ...process.env, BECKON_SERVER: server, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'inherit'] })
    process.on('exit', () => dev.stop())
    for await (const line of createInterface({ input: dev.process.stdout })) {
      const [url] = line.match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
      if (url) return Object.assign(dev, { url })
    }
    throw new Error('vite ended before it listened')
  }

  stop() {
    this.process.kill()
  }
}
