import { shallowReactive } from 'vue'
import type { Slot } from './slots'

/** Why a device does not do what was asked of it. */
export interface Trouble {
  readonly slot: Slot
  readonly why: 'denied' | 'missing' | 'busy' | 'insecure' | 'unplugged' | 'failed'
}

export type DeviceKind = 'microphone' | 'camera'

interface LocalMediaOptions {
  /** The device a person prefers; none means the browser's default. */
  readonly preferred: (kind: DeviceKind) => string | undefined
  /** A track took a place, or left it. */
  readonly onTrack: (slot: Slot, track: MediaStreamTrack | null) => void
  readonly onTrouble: (trouble: Trouble) => void
  /** Injected by tests; undefined where the page is no secure context. */
  readonly devices?: MediaDevices
}

/** What this side sends: owns every track it opens, and stops each of them in the end. */
export class LocalMedia {
  /** The tracks that are open; a muted microphone stays open so that unmuting is instant. */
  readonly tracks = shallowReactive<Partial<Record<Slot, MediaStreamTrack>>>({})
  /** What a person wants to be on. */
  readonly on = shallowReactive({ microphone: false, camera: false, screen: false })

  private readonly devices: MediaDevices | undefined
  private closed = false

  constructor(private readonly options: LocalMediaOptions) {
    this.devices = 'devices' in options ? options.devices : navigator.mediaDevices
  }

  /** Opens both in one go, so that the browser asks once; what one of them lacks does not stop the other. */
  async start({
    camera,
    microphone = true,
  }: {
    camera: boolean
    /** Muted when false, yet ready. */ microphone?: boolean
  }): Promise<void> {
    Object.assign(this.on, { microphone, camera })
    if (!camera || !this.devices) return this.openAll(camera ? ['microphone', 'camera'] : ['microphone'])
    try {
      const stream = await this.devices.getUserMedia({
        audio: wish('microphone', this.options.preferred('microphone')),
        video: wish('camera', this.options.preferred('camera')),
      })
      for (const track of stream.getTracks()) this.keep(track.kind === 'audio' ? 'microphone' : 'camera', track)
    } catch {
      await this.openAll(['microphone', 'camera'])
    }
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.on.microphone = on
    const { microphone } = this.tracks
    if (microphone) microphone.enabled = on
    else if (on) await this.open('microphone')
  }

  /** Off stops the camera for good, so that its light goes out. */
  async setCamera(on: boolean): Promise<void> {
    this.on.camera = on
    if (!on) this.release('camera')
    else if (!this.tracks.camera) await this.open('camera')
  }

  async setScreen(on: boolean): Promise<void> {
    if (!on) return this.stopScreen()
    if (this.on.screen || !canShareScreen(this.devices)) return
    try {
      // The ideal keeps text sharp without asking for more than the connection gives.
      const stream = await this.devices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true })
      const [video] = stream.getVideoTracks()
      const [sound] = stream.getAudioTracks()
      if (!video || this.closed) return stream.getTracks().forEach(track => track.stop())
      video.contentHint = 'detail'
      video.onended = () => this.stopScreen()
      this.on.screen = true
      this.take('screen', video)
      if (sound) this.take('screen_sound', sound)
    } catch (error) {
      // Closing the browser's picker is a decision, not a failure.
      if (nameOf(error) !== 'NotAllowedError') this.options.onTrouble({ slot: 'screen', why: whyOf(error) })
    }
  }

  /** Goes on with the device preferred now. */
  async change(kind: DeviceKind): Promise<void> {
    if (this.tracks[kind]) await this.open(kind)
  }

  close(): void {
    this.closed = true
    for (const slot of Object.keys(this.tracks) as Slot[]) this.release(slot)
    Object.assign(this.on, { microphone: false, camera: false, screen: false })
  }

  private async openAll(kinds: DeviceKind[]): Promise<void> {
    for (const kind of kinds) await this.open(kind)
  }

  private async open(kind: DeviceKind): Promise<void> {
    if (!this.devices) return this.fail(kind, 'insecure')
    try {
      this.keep(kind, await openTrack(this.devices, kind, this.options.preferred(kind)))
    } catch (error) {
      if (!this.closed) this.fail(kind, whyOf(error))
    }
  }

  private keep(kind: DeviceKind, track: MediaStreamTrack): void {
    // A person may have changed their mind while the browser asked for permission.
    if (this.closed || (kind === 'camera' && !this.on.camera)) return track.stop()
    this.release(kind)
    track.enabled = kind === 'camera' || this.on.microphone
    track.onended = () => void this.unplugged(kind)
    this.take(kind, track)
  }

  /** The device went away: go on with another of its kind if there is one. */
  private async unplugged(kind: DeviceKind): Promise<void> {
    this.release(kind)
    this.options.onTrouble({ slot: kind, why: 'unplugged' })
    const left = await this.devices?.enumerateDevices().catch(() => [])
    if (left?.some(device => device.kind === INPUT[kind]) && this.on[kind]) await this.open(kind)
    else this.on[kind] = false
  }

  private fail(kind: DeviceKind, why: Trouble['why']): void {
    this.on[kind] = this.tracks[kind] !== undefined && this.on[kind]
    this.options.onTrouble({ slot: kind, why })
  }

  private stopScreen(): void {
    this.on.screen = false
    this.release('screen')
    this.release('screen_sound')
  }

  private take(slot: Slot, track: MediaStreamTrack): void {
    this.tracks[slot] = track
    this.options.onTrack(slot, track)
  }

  private release(slot: Slot): void {
    const track = this.tracks[slot]
    if (!track) return
    track.onended = null
    track.stop()
    delete this.tracks[slot]
    this.options.onTrack(slot, null)
  }
}

const INPUT = { microphone: 'audioinput', camera: 'videoinput' } as const

/** Opens a device; a preferred one that is gone falls back to whatever there is. */
async function openTrack(devices: MediaDevices, kind: DeviceKind, deviceId?: string): Promise<MediaStreamTrack> {
  const stream = await devices.getUserMedia({ [kind === 'camera' ? 'video' : 'audio']: wish(kind, deviceId) })
  const [track] = stream.getTracks()
  if (!track) throw new DOMException('no track', 'NotFoundError')
  return track
}

function wish(kind: DeviceKind, deviceId?: string): MediaTrackConstraints {
  return {
    ...(deviceId && { deviceId: { ideal: deviceId } }),
    ...(kind === 'camera'
      ? { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }
      : { echoCancellation: true, noiseSuppression: true, autoGainControl: true }),
  }
}

export function canShareScreen(devices: MediaDevices | undefined): devices is MediaDevices {
  return devices !== undefined && 'getDisplayMedia' in devices
}

function whyOf(error: unknown): Trouble['why'] {
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'failed'
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : ''
}
