import { beforeEach, describe, expect, it, vi } from 'vitest'
import { LocalMedia, type Trouble } from './localMedia'

class FakeTrack {
  enabled = true
  onended: (() => void) | null = null
  contentHint = ''
  stop = vi.fn()
  constructor(
    readonly kind: 'audio' | 'video',
    readonly deviceId = '',
  ) {}
}

const refusal = (name: string) => Object.assign(new Error(name), { name })

/** A computer with devices that may be missing, taken or forbidden. */
class FakeDevices {
  plugged = { audioinput: 1, videoinput: 1 }
  refuses: Partial<Record<'audio' | 'video' | 'screen', string>> = {}
  opened: FakeTrack[] = []

  getUserMedia = async (wanted: { audio?: MediaTrackConstraints; video?: MediaTrackConstraints }) => {
    const kinds = (['audio', 'video'] as const).filter(kind => wanted[kind])
    for (const kind of kinds) {
      const name = this.refuses[kind]
      if (name) throw refusal(name)
    }
    return this.stream(...kinds.map(kind => new FakeTrack(kind, (wanted[kind]?.deviceId as { ideal?: string })?.ideal)))
  }

  getDisplayMedia = async () => {
    if (this.refuses.screen) throw refusal(this.refuses.screen)
    return this.stream(new FakeTrack('video'), new FakeTrack('audio'))
  }

  enumerateDevices = async () =>
    Object.entries(this.plugged).flatMap(([kind, count]) => Array.from({ length: count }, () => ({ kind })))

  private stream(...tracks: FakeTrack[]) {
    this.opened.push(...tracks)
    const of = (kind: string) => tracks.filter(track => track.kind === kind)
    return { getTracks: () => tracks, getAudioTracks: () => of('audio'), getVideoTracks: () => of('video') }
  }
}

let devices: FakeDevices
let troubles: Trouble[]
let sent: Record<string, FakeTrack | null>
let preferred: Record<string, string | undefined>

function media(): LocalMedia {
  return new LocalMedia({
    devices: devices as unknown as MediaDevices,
    preferred: kind => preferred[kind],
    onTrack: (slot, track) => (sent[slot] = track as unknown as FakeTrack),
    onTrouble: trouble => troubles.push(trouble),
  })
}

beforeEach(() => {
  devices = new FakeDevices()
  troubles = []
  sent = {}
  preferred = {}
})

describe('starting', () => {
  it('opens microphone and camera with one question', async () => {
    const getUserMedia = vi.spyOn(devices, 'getUserMedia')
    const local = media()
    await local.start({ camera: true })
    expect(getUserMedia).toHaveBeenCalledTimes(1)
    expect(Object.keys(sent)).toEqual(['microphone', 'camera'])
    expect(local.on).toEqual({ microphone: true, camera: true, screen: false })
  })

  it('is ready but silent when it begins muted', async () => {
    const local = media()
    await local.start({ camera: false, microphone: false })
    expect([local.on.microphone, sent.microphone!.enabled]).toEqual([false, false])
    await local.setMicrophone(true)
    expect(sent.microphone!.enabled).toBe(true)
  })

  it('goes on with the voice when the camera is missing', async () => {
    devices.refuses.video = 'NotFoundError'
    const local = media()
    await local.start({ camera: true })
    expect(sent.microphone).toBeTruthy()
    expect(local.on.camera).toBe(false)
    expect(troubles).toEqual([{ slot: 'camera', why: 'missing' }])
  })

  it.each([
    ['NotAllowedError', 'denied'],
    ['NotReadableError', 'busy'],
    ['TypeError', 'failed'],
  ])('tells %s as %s and stays without', async (name, why) => {
    devices.refuses.audio = name
    const local = media()
    await local.start({ camera: false })
    expect(troubles).toEqual([{ slot: 'microphone', why }])
    expect(local.on.microphone).toBe(false)
  })

  it('says that a page without HTTPS has no devices', async () => {
    const local = new LocalMedia({
      devices: undefined,
      preferred: () => undefined,
      onTrack: () => {},
      onTrouble: trouble => troubles.push(trouble),
    })
    await local.start({ camera: true })
    expect(troubles.map(trouble => trouble.why)).toEqual(['insecure', 'insecure'])
  })
})

describe('during the call', () => {
  it('mutes without giving the microphone away, and turns the camera off for good', async () => {
    const local = media()
    await local.start({ camera: true })
    const { microphone, camera } = sent as Record<string, FakeTrack>
    await local.setMicrophone(false)
    expect(microphone!.enabled).toBe(false)
    expect(microphone!.stop).not.toHaveBeenCalled()
    await local.setCamera(false)
    expect(camera!.stop).toHaveBeenCalled()
    expect(sent.camera).toBeNull()
  })

  it('drops a camera that opens after it was turned off again', async () => {
    const local = media()
    const opening = local.setCamera(true)
    await local.setCamera(false)
    await opening
    expect(sent.camera).toBeUndefined()
    expect(devices.opened[0]!.stop).toHaveBeenCalled()
  })

  it('moves to another microphone when one is unplugged, muted if it was muted', async () => {
    const local = media()
    await local.start({ camera: false })
    const first = sent.microphone!
    first.onended!()
    await vi.waitFor(() => expect(sent.microphone).not.toBe(null))
    expect(sent.microphone).not.toBe(first)
    expect(troubles).toEqual([{ slot: 'microphone', why: 'unplugged' }])
  })

  it('goes on without a camera when the only one is unplugged', async () => {
    const local = media()
    await local.start({ camera: true })
    devices.plugged.videoinput = 0
    sent.camera!.onended!()
    await vi.waitFor(() => expect(local.on.camera).toBe(false))
    expect(sent.camera).toBeNull()
  })

  it('changes to the device a person picks', async () => {
    const local = media()
    await local.start({ camera: true })
    preferred.camera = 'front'
    await local.change('camera')
    expect(sent.camera!.deviceId).toBe('front')
    expect(devices.opened.filter(track => track.kind === 'video')[0]!.stop).toHaveBeenCalled()
  })

  it('lets go of everything in the end', async () => {
    const local = media()
    await local.start({ camera: true })
    await local.setScreen(true)
    local.close()
    expect(devices.opened.every(track => track.stop.mock.calls.length > 0)).toBe(true)
  })
})

describe('sharing the screen', () => {
  it('sends picture and sound until the browser ends it', async () => {
    const local = media()
    await local.setScreen(true)
    expect(sent.screen!.contentHint).toBe('detail')
    expect(sent.screen_sound).toBeTruthy()
    sent.screen!.onended!()
    expect(local.on.screen).toBe(false)
    expect([sent.screen, sent.screen_sound]).toEqual([null, null])
  })

  it('takes a closed picker for a no', async () => {
    devices.refuses.screen = 'NotAllowedError'
    const local = media()
    await local.setScreen(true)
    expect(local.on.screen).toBe(false)
    expect(troubles).toEqual([])
  })
})
