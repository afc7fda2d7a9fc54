let shared: AudioContext | undefined

/** The one context of the page, for the sounds it makes and the levels it measures. */
export function audioContext(): AudioContext {
  shared ??= new AudioContext()
  if (shared.state === 'suspended') void shared.resume().catch(() => {})
  return shared
}
