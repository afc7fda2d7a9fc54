/** What a page needs so that tests can ask its peer connections: every one it makes is kept. */
export function keepConnections() {
  const kept = []
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...args) {
      super(...args)
      kept.push(this)
    }
  }
  window.received = async () => {
    const sum = { frames: 0, packets: 0, energy: 0 }
    for (const connection of kept) {
      if (connection.connectionState === 'closed') continue
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue
        if (report.kind === 'video') sum.frames += report.framesDecoded ?? 0
        else Object.assign(sum, { packets: sum.packets + report.packetsReceived, energy: sum.energy + (report.totalAudioEnergy ?? 0) })
      }
    }
    return sum
  }
  /** How each connection that stands leaves this browser, such as `relay/tls`. */
  window.paths = async () => {
    const paths = []
    for (const connection of kept) {
      if (connection.connectionState !== 'connected') continue
      const reports = await connection.getStats()
      const all = [...reports.values()]
      const chosen = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId
      // Firefox tells it in another way.
      const pair = reports.get(chosen) ?? all.find(({ type, selected }) => type === 'candidate-pair' && selected)
      const { candidateType, relayProtocol } = reports.get(pair?.localCandidateId) ?? {}
      paths.push([candidateType, relayProtocol].filter(Boolean).join('/'))
    }
    return paths
  }
  /** What has come in one track so far. */
  window.receivedOf = async track => {
    for (const connection of kept) {
      if (connection.connectionState === 'closed') continue
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.trackIdentifier === track?.id) return report
      }
    }
    return {}
  }
}

/** A person in a call, in the words of what they do, see and hear there. */
export class Caller {
  constructor(person) {
    this.person = person
    this.page = person.page
  }

  see(hook, options) {
    return this.person.see(hook, options)
  }

  async calls(media) {
    await this.see(`call-${media}`).first().click()
    await this.see('call-status').waitFor()
  }

  async accepts(hook = 'call-accept') {
    await this.see(hook).click()
  }

  async isIn(state) {
    await this.page.locator(`[data-test="call-state"][data-state="${state}"]`).waitFor()
  }

  /** The picture in a video element moves: its frames are new ones, decoded now, and of a size. */
  async watches(hook) {
    const video = this.see(hook)
    await video.waitFor()
    return video.evaluate(async (element, limit) => {
      const frame = () => new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error('no frame came')), limit)
        element.requestVideoFrameCallback((_, { presentedFrames, width, height }) => resolve({ presentedFrames, width, height }))
      })
      const first = await frame()
      let last = first
      while (last.presentedFrames < first.presentedFrames + 10) last = await frame()
      return { width: last.width, height: last.height }
    }, 10_000)
  }

  /** Decoded frames, sound and its loudness all grow. */
  async hearsAndSees({ frames = 10, packets = 20, sound = true } = {}) {
    const before = await this.page.evaluate(() => window.received())
    await this.page.waitForFunction(async ({ before, frames, packets, sound }) => {
      const now = await window.received()
      return now.frames >= before.frames + frames && now.packets >= before.packets + packets && (!sound || now.energy > before.energy)
    }, { before, frames, packets, sound })
  }

  async paths() {
    return this.page.evaluate(() => window.paths())
  }

  async remoteCamera(state) {
    await this.see('call-remote-video').waitFor({ state })
  }

  /** The small crossed microphone at the foot of the other's tile. */
  async seesThemMuted(muted) {
    await this.see('call-remote-tile').locator('figcaption svg').waitFor({ state: muted ? 'visible' : 'detached' })
  }

  async hangsUp() {
    await this.see('call-hangup').click()
  }

  /** The end screen, and back to the conversation. */
  async leavesAfter(outcome) {
    await this.page.locator(`[data-test="call-ended"][data-outcome="${outcome}"]`).waitFor()
    await this.see('call-to-chat').click()
    await this.see('composer').waitFor()
  }

  async hasRecord(outcome) {
    const record = this.page.locator(`[data-test="call-record"][data-outcome="${outcome}"]`)
    await record.waitFor()
    return record.innerText()
  }
}
