import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** The cable between a browser and the server, to be cut and mended. */
export class Wire {
  connections = new Set()
  whole = true
  /** A connection that has carried this much towards the server stalls there. */
  stallsAfter = Infinity

  static async lay(server) {
    const wire = new Wire()
    wire.listener = createServer(browser => wire.join(browser, server.port))
    wire.listener.listen(0, '127.0.0.1')
    await once(wire.listener, 'listening')
    return wire
  }

  get url() {
    return `http://127.0.0.1:${this.listener.address().port}`
  }

  join(browser, port) {
    if (!this.whole) return browser.destroy()
    const server = connect(port, '127.0.0.1')
    const connection = { carried: 0, end: () => [browser, server].forEach(side => side.destroy()) }
    this.connections.add(connection)
    for (const side of [browser, server]) {
      side.on('error', connection.end)
      side.on('close', () => {
        connection.end()
        this.connections.delete(connection)
      })
    }
    browser.on('data', bytes => {
      connection.carried += bytes.length
      if (!server.write(bytes) || connection.carried >= this.stallsAfter) browser.pause()
    })
    server.on('drain', () => connection.carried < this.stallsAfter && browser.resume())
    server.pipe(browser)
  }

  cut() {
    this.whole = false
    for (const { end } of this.connections) end()
  }

  mend() {
    this.whole = true
  }

  close() {
    this.cut()
    this.listener.close()
  }
}
