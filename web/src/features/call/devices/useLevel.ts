import { onScopeDispose, ref, toValue, watchEffect, type MaybeRefOrGetter, type Ref } from 'vue'
import { audioContext } from './audioContext'

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
    const audio = audioContext()
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
function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.min(1, Math.sqrt(Math.sqrt(sum / samples.length)) * 1.3)
}
