import { tryOnScopeDispose, useStorage } from '@vueuse/core'
import { computed, ref, shallowRef, type ComputedRef, type Ref } from 'vue'

export type PickKind = 'microphone' | 'camera' | 'speaker'

export interface DeviceChoice {
  readonly id: string
  readonly label: string
}

interface DevicesReturn {
  /** What is plugged in; labels are empty until the person has granted access once. */
  lists: Record<PickKind, ComputedRef<DeviceChoice[]>>
  /** The chosen ids, kept on this device; empty means the browser's default. */
  chosen: Record<PickKind, Ref<string>>
  /** Where the browser lets a page choose the speaker. */
  canPickSpeaker: boolean
  /** Whether the lists were read at least once. */
  known: Ref<boolean>
  refresh: () => Promise<void>
}

/** Chosen once, for every call. */
const chosen = {
  microphone: useStorage('beckon.microphone', ''),
  camera: useStorage('beckon.camera', ''),
  speaker: useStorage('beckon.speaker', ''),
}

const KIND: Record<PickKind, MediaDeviceKind> = {
  microphone: 'audioinput',
  camera: 'videoinput',
  speaker: 'audiooutput',
}

/** Where the other side is heard. */
export const chosenSpeaker = chosen.speaker

/** The device preferred for a call; none means the browser's default. */
export function preferredDevice(kind: PickKind): string | undefined {
  return chosen[kind].value || undefined
}

/** Follows which devices there are while the scope lives. */
export function useDevices(devices: MediaDevices | undefined = navigator.mediaDevices): DevicesReturn {
  const found = shallowRef<MediaDeviceInfo[]>([])
  const known = ref(false)

  async function refresh(): Promise<void> {
    found.value = (await devices?.enumerateDevices().catch(() => [])) ?? []
    known.value = true
  }

  const list = (kind: PickKind) =>
    computed(() =>
      found.value
        .filter(device => device.kind === KIND[kind] && device.deviceId)
        .map(({ deviceId, label }) => ({ id: deviceId, label })),
    )

  const onChange = () => void refresh()
  devices?.addEventListener('devicechange', onChange)
  tryOnScopeDispose(() => devices?.removeEventListener('devicechange', onChange))
  void refresh()

  return {
    lists: { microphone: list('microphone'), camera: list('camera'), speaker: list('speaker') },
    chosen,
    canPickSpeaker: 'setSinkId' in HTMLMediaElement.prototype,
    known,
    refresh,
  }
}
