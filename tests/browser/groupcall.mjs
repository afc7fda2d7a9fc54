import { PATIENCE_MS } from './person.mjs'

/** Everybody with everybody else, both ways. */
export function pairs(all) {
  return all.flatMap(from => all.filter(to => to !== from).map(to => [from, to]))
}

/** A person in a group call, in the words of what they do, see and hear there. */
export class Attendee {
  constructor(person, id) {
    this.person = person
    this.page = person.page
    this.id = id
  }

  /** Everybody's attendee, once each of them knows who they are. */
  static async all(...people) {
    return Promise.all(people.map(async person => new Attendee(person, (await person.me()).id)))
  }

  /** People who have a group of theirs open. The first knows all others, and made it. */
  static async inGroup(...people) {
    const [first, ...others] = people
    for (const other of others) await first.befriend(other)
    const attendees = await Attendee.all(...people)
    const group = await first.post('/api/v1/groups', { title: 'Hike', member_ids: attendees.slice(1).map(({ id }) => id) })
    for (const attendee of attendees) await attendee.takesSmallCamera()
    await Promise.all(people.map(person => person.enter(group.id)))
    return attendees
  }

  see(hook, options) {
    return this.person.see(hook, options)
  }

  /** Two cores encode and decode for everybody here: a camera of two small layers is plenty. */
  async takesSmallCamera() {
    await this.person.context.addInitScript(smallCamera)
    await this.page.evaluate(smallCamera)
  }

  async starts(media = 'video') {
    await this.see(`call-${media}`).click()
    await this.isIn()
  }

  async joins(media = 'video') {
    await this.asksIn(media)
    await this.isIn()
  }

  async asksIn(media) {
    await this.see('room-join').click()
    await this.see(`check-start-${media}`).click()
  }

  async isIn(state = 'live') {
    await this.page.locator(`[data-test="call-state"][data-kind="group"][data-state="${state}"]`).waitFor({ timeout: 2 * PATIENCE_MS })
  }

  tile(other) {
    return this.page.locator(`[data-test="room-tile"][data-id="${other.id}"]`)
  }

  async sees(...others) {
    for (const other of others) await this.tile(other).waitFor()
  }

  /** Pictures of somebody move: new frames come, decoded now. Tells the size of the last. */
  async watches(other, { frames = 8, wider = 0, narrower } = {}) {
    const video = this.tile(other).locator('[data-test="call-remote-video"]')
    await video.waitFor()
    return video.evaluate((element, { frames, wider, narrower, limit }) => new Promise((resolve, reject) => {
      const seen = { count: 0, gap: 0, width: 0, height: 0 }
      let last
      const timer = setTimeout(async () => {
        const { packetsReceived: packets, keyFramesDecoded: keyframes, framesReceived: received, framesDecoded: decoded, pliCount: asked } = await window.receivedOf(element.srcObject?.getVideoTracks()[0])
        reject(new Error(`frames: ${JSON.stringify({ ...seen, packets, keyframes, received, decoded, asked })}`))
      }, limit)
      const look = (now, { width, height }) => {
        seen.count++
        seen.gap = Math.max(seen.gap, last === undefined ? 0 : now - last)
        Object.assign(seen, { width, height })
        last = now
        if (seen.count < frames || width < wider || width >= (narrower ?? Infinity)) return void element.requestVideoFrameCallback(look)
        clearTimeout(timer)
        resolve(seen)
      }
      element.requestVideoFrameCallback(look)
    }), { frames, wider, narrower, limit: 2 * PATIENCE_MS })
  }

  /** What has been heard of somebody so far: the energy of their sound. */
  async heardOf(other, slot = 'microphone') {
    return this.page.evaluate(async ({ id, slot }) => {
      const [track] = document.querySelector(`[data-test="room-sound"][data-id="${id}"][data-slot="${slot}"]`)?.srcObject?.getAudioTracks() ?? []
      return (await window.receivedOf(track)).totalAudioEnergy ?? 0
    }, { id: other.id, slot })
  }

  /** More and more is heard of somebody: `times` as much as at first. */
  async hears(other, { slot = 'microphone', times = 1 } = {}) {
    const before = await this.heardOf(other, slot)
    const until = Date.now() + 2 * PATIENCE_MS
    while (await this.heardOf(other, slot) <= before * times) {
      if (Date.now() > until) throw new Error(`${this.person.name} does not hear ${other.person.name}'s ${slot}`)
    }
  }

  /** Not a sound of somebody, while somebody else is heard well. */
  async hearsNothingOf(other, { while: speaker }) {
    const until = Date.now() + 2 * PATIENCE_MS
    for (;;) {
      const before = await this.heardOf(other)
      const first = await this.heardOf(speaker)
      await this.hears(speaker, { times: 1.25 })
      const heard = await this.heardOf(other) - before
      const said = await this.heardOf(speaker) - first
      if (heard <= said / 100) return
      // What was on its way is played out first.
      if (Date.now() > until) throw new Error(`${this.person.name} hears ${other.person.name}: ${heard} beside ${said}`)
    }
  }

  /** Shows the poster in place of a screen: the picker of a browser without a display has nothing to pick. */
  async showsPoster() {
    await this.page.evaluate(hangPoster, drawPoster.toString())
    await this.see('call-screen').click()
  }

  /** How well the poster can be read on somebody's screen, where it is seen. */
  async reads(other) {
    const screen = this.page.locator(`[data-test="room-screen-tile"][data-id="${other.id}"] [data-test="room-screen"]`)
    await screen.waitFor()
    const until = Date.now() + 2 * PATIENCE_MS
    for (;;) {
      const found = await screen.evaluate(comparePoster, drawPoster.toString())
      if (found.colours <= 16 && found.likeness >= 0.95 && found.sharpness >= 0.7) return found
      if (Date.now() > until) throw new Error(`${this.person.name} cannot read it: ${JSON.stringify(found)}`)
    }
  }

  async seesMuted(other, muted = true) {
    await this.page.locator(`[data-test="room-tile"][data-id="${other.id}"][data-muted="${muted}"]`).waitFor()
  }

  /** Opens the list, and there what a moderator may do about somebody. */
  async rules(other, hook) {
    if (!await this.see('room-people').isVisible()) await this.see('room-people-toggle').click()
    await this.page.locator(`[data-test="room-person"][data-id="${other.id}"] [data-test="room-person-menu"]`).click()
    await this.see(hook).click()
  }

  async leaves() {
    await this.see('call-hangup').click()
    await this.see('call-state').waitFor({ state: 'detached' })
  }
}

function smallCamera() {
  const devices = navigator.mediaDevices
  const open = devices.getUserMedia.bind(devices)
  devices.getUserMedia = wanted => open({ ...wanted, ...(wanted.video && { video: { width: 640, height: 360, frameRate: 15 } }) })
}

/** Blocks of colour above lines of text; `seconds` moves something, for a screen that stands still sends no frames. */
function drawPoster(context, width, height, seconds) {
  context.fillStyle = 'white'
  context.fillRect(0, 0, width, height)
  for (const [n, colour] of ['#d02020', '#20a040', '#2040d0', '#e0c020'].entries()) {
    context.fillStyle = colour
    context.fillRect((n * width) / 4, 0, width / 4, height / 4)
  }
  context.fillStyle = 'black'
  context.font = `${Math.round(height / 24)}px sans-serif`
  const words = 'The quick brown fox jumps over the lazy dog 0123456789'
  for (let line = 0; line < 10; line++) context.fillText(words.slice(line) + words.slice(0, line), width / 40, height * (0.34 + line * 0.06))
  context.fillRect(0, height - 6, (width * (seconds % 10)) / 10, 6)
}

/** Functions come into pages as text: pages know nothing of this file. */
function hangPoster(draw) {
  const poster = new Function(`return (${draw})`)()
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 })
    const context = canvas.getContext('2d')
    const redraw = () => poster(context, canvas.width, canvas.height, performance.now() / 1000)
    redraw()
    setInterval(redraw, 200)
    const audio = new AudioContext()
    const tone = new OscillatorNode(audio, { frequency: 440 })
    const sound = audio.createMediaStreamDestination()
    tone.connect(new GainNode(audio, { gain: 0.3 })).connect(sound)
    tone.start()
    return new MediaStream([...canvas.captureStream(5).getTracks(), ...sound.stream.getTracks()])
  }
}

function comparePoster(video, draw) {
  const poster = new Function(`return (${draw})`)()
  const [width, height] = [video.videoWidth, video.videoHeight]
  const pixels = paint => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d', { willReadFrequently: true })
    paint(context)
    return context.getImageData(0, 0, width, height).data
  }
  const found = { width, height, colours: 255, likeness: 0, sharpness: 0 }
  if (!width) return found
  const seen = pixels(context => context.drawImage(video, 0, 0, width, height))
  const meant = pixels(context => poster(context, width, height, 0))

  found.colours = 0
  for (let n = 0; n < 4; n++) {
    const at = (Math.round(height / 8) * width + Math.round(((n + 0.5) * width) / 4)) * 4
    for (let channel = 0; channel < 3; channel++) found.colours = Math.max(found.colours, Math.abs(seen[at + channel] - meant[at + channel]))
  }

  const [top, bottom] = [Math.round(height * 0.28), Math.round(height * 0.92)]
  const grey = (data, x, y) => { const at = (y * width + x) * 4; return (data[at] + data[at + 1] + data[at + 2]) / 3 }
  let [n, a, b, aa, bb, ab, edgesSeen, edgesMeant] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let y = top; y < bottom; y++) {
    for (let x = 1; x < width; x++) {
      const [p, q] = [grey(seen, x, y), grey(meant, x, y)]
      n++; a += p; b += q; aa += p * p; bb += q * q; ab += p * q
      edgesSeen += Math.abs(p - grey(seen, x - 1, y))
      edgesMeant += Math.abs(q - grey(meant, x - 1, y))
    }
  }
  found.likeness = (n * ab - a * b) / Math.sqrt((n * aa - a * a) * (n * bb - b * b))
  found.sharpness = edgesSeen / edgesMeant
  return found
}
