import { onScopeDispose, ref, toValue, watchEffect, type MaybeRefOrGetter, type Ref } from 'vue'

/** Sound that the page makes or measures itself: the ring, the ringback, the levels. */

let shared: AudioContext | undefined

/** Browsers let a page make sound only once somebody has clicked in it. */
function mayPlay(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true
}

/** One context for the page. */
function context(): AudioContext {
  shared ??= new AudioContext()
  if (shared.state === 'suspended') void shared.resume().catch(() => {})
  return shared
}

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
  const audio = context()
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

const LOOK_EVERY_MS = 80
/** Room noise stays below this share of full scale. */
const SPEAKING_ABOVE = 0.12
/** People breathe between words. */
const SPEAKING_HOLD_MS = 600

/** How loud a track is right now, 0 to 1, and whether that is speech; silent without a track. */
export function useLevel(track: MaybeRefOrGetter<MediaStreamTrack | undefined>): {
  level: Ref<number>
  speaking: Ref<boolean>
} {
  const level = ref(0)
  const speaking = ref(false)

  const stopWatching = watchEffect(onCleanup => {
    const heard = toValue(track)
    if (!heard) return
    const audio = context()
    const source = audio.createMediaStreamSource(new MediaStream([heard]))
    const analyser = new AnalyserNode(audio, { fftSize: 512, smoothingTimeConstant: 0.3 })
    source.connect(analyser)
    const samples = new Float32Array(analyser.fftSize)
    let heardAt = 0
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples)
      level.value = loudness(samples)
      if (level.value > SPEAKING_ABOVE) heardAt = performance.now()
      speaking.value = heardAt > 0 && performance.now() - heardAt < SPEAKING_HOLD_MS
    }, LOOK_EVERY_MS)
    onCleanup(() => {
      clearInterval(timer)
      source.disconnect()
      level.value = 0
      speaking.value = false
    })
  })
  onScopeDispose(stopWatching)
  return { level, speaking }
}

/** Root mean square on a scale where a calm voice reaches the middle. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.min(1, Math.sqrt(Math.sqrt(sum / samples.length)) * 1.3)
}
