import { audioContext } from './audioContext'

/** Sounds that the page makes itself: the ring, the ringback, the knock, the farewell. */

interface Note {
  readonly hertz: number
  readonly at: number
  readonly seconds: number
}
interface Melody {
  readonly notes: readonly Note[]
  readonly everySeconds: number
  readonly volume: number
}

/** Two rising thirds: friendly, and heard through a pocket. */
const RING: Melody = {
  notes: [
    { hertz: 659, at: 0, seconds: 0.22 },
    { hertz: 784, at: 0.16, seconds: 0.22 },
    { hertz: 988, at: 0.32, seconds: 0.5 },
    { hertz: 659, at: 1, seconds: 0.22 },
    { hertz: 784, at: 1.16, seconds: 0.22 },
    { hertz: 988, at: 1.32, seconds: 0.7 },
  ],
  everySeconds: 3.4,
  volume: 0.16,
}

/** The tone everybody knows from a telephone, softer. */
const RINGBACK: Melody = { notes: [{ hertz: 425, at: 0, seconds: 1 }], everySeconds: 4, volume: 0.05 }

/** Somebody calls while we talk: heard, but under the conversation. */
const KNOCK: Melody = {
  notes: [
    { hertz: 480, at: 0, seconds: 0.15 },
    { hertz: 480, at: 0.25, seconds: 0.15 },
  ],
  everySeconds: 5,
  volume: 0.05,
}

const FAREWELL: Melody = {
  notes: [
    { hertz: 520, at: 0, seconds: 0.18 },
    { hertz: 390, at: 0.15, seconds: 0.3 },
  ],
  everySeconds: 0,
  volume: 0.08,
}

/** Plays until the returned function is called. */
export function ring(): () => void {
  return loop(RING)
}

export function ringback(): () => void {
  return loop(RINGBACK)
}

export function knock(): () => void {
  return loop(KNOCK)
}

export function farewell(): void {
  play(FAREWELL)
}

function loop(melody: Melody): () => void {
  let stop = play(melody)
  const timer = setInterval(() => (stop = play(melody)), melody.everySeconds * 1000)
  return () => {
    clearInterval(timer)
    stop()
  }
}

function play({ notes, volume }: Melody): () => void {
  if (!mayPlay()) return () => {}
  const audio = audioContext()
  const start = audio.currentTime + 0.05
  const out = new GainNode(audio, { gain: volume })
  out.connect(audio.destination)
  for (const { hertz, at, seconds } of notes) {
    const tone = new OscillatorNode(audio, { type: 'triangle', frequency: hertz })
    const envelope = new GainNode(audio, { gain: 0 })
    envelope.gain.setValueAtTime(0, start + at)
    envelope.gain.linearRampToValueAtTime(1, start + at + 0.02)
    envelope.gain.setValueAtTime(1, start + at + seconds * 0.6)
    envelope.gain.linearRampToValueAtTime(0, start + at + seconds)
    tone.connect(envelope).connect(out)
    tone.start(start + at)
    tone.stop(start + at + seconds)
  }
  return () => out.disconnect()
}

/** Browsers let a page make sound only once somebody has clicked in it. */
function mayPlay(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true
}
