import type { Signal } from '@/api'
import { SLOTS, type Slot } from '../devices/slots'
import type { Sample } from './quality'

/**
 * The direct connection of a one-to-one call, and the only file that knows RTCPeerConnection.
 *
 * Everything that may ever be sent has its place from the first offer on, so muting, the camera and the
 * screen only swap a track in its place and never negotiate again. Who offers at the same time is settled
 * by perfect negotiation (W3C webrtc-pc, section 10.7): the callee is the polite one.
 */

/** In the order of the first offer. A side that does not know the later ones ignores them. */
const KIND: Record<Slot, 'audio' | 'video'> = {
  microphone: 'audio',
  camera: 'video',
  screen: 'video',
  screen_sound: 'audio',
}

/** Enough for 720p faces and readable text; the browser goes below on its own. */
const BITRATE_MAX: Partial<Record<Slot, number>> = { camera: 1_700_000, screen: 2_500_000 }

/** A short interruption heals by itself; after this a new way is looked for. */
const HEAL_MS = 2500
/** How long one restart may take before the next. */
const RESTART_MS = 6000

interface DirectOptions {
  readonly polite: boolean
  readonly iceServers: readonly RTCIceServer[]
  readonly send: (signal: Signal) => void
  /** The other side's tracks are known (again). */
  readonly onTracks: () => void
  readonly onConnected: (connected: boolean) => void
}

type MediaSignal = Extract<Signal, { kind: 'media' }>

export class DirectConnection {
  private readonly pc: RTCPeerConnection
  private readonly places = new Map<Slot, RTCRtpTransceiver>()
  private readonly tracks = new Map<Slot, MediaStreamTrack>()
  /** Tracks named in one stream are played in step: lips with the voice, the film with its sound. */
  private readonly streams = { person: new MediaStream(), screen: new MediaStream() }
  private makingOffer = false
  private answering = false
  private ignoring = false
  private closed = false
  private healing?: ReturnType<typeof setTimeout>

  constructor(private readonly options: DirectOptions) {
    this.pc = new RTCPeerConnection({ iceServers: [...options.iceServers], bundlePolicy: 'max-bundle' })
    this.pc.onnegotiationneeded = () => void this.offer()
    this.pc.onicecandidate = ({ candidate }) => this.sendCandidate(candidate)
    this.pc.onconnectionstatechange = () => this.followConnection()
    if (!options.polite) {
      for (const slot of SLOTS) this.addPlace(slot, KIND[slot])
    }
  }

  /** Sends a track in its place, or nothing. */
  async put(slot: Slot, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.tracks.set(slot, track)
    else this.tracks.delete(slot)
    const place = this.places.get(slot)
    if (place) return this.fill(slot, place)
    // The other side's offer had no such place; before any offer there is nothing to do yet.
    if (track && this.pc.remoteDescription) this.addPlace(slot, track)
  }

  /** The other side's track; it exists even while nothing is sent, `media` signals tell what is on. */
  remoteTrack(slot: Slot): MediaStreamTrack | undefined {
    return this.places.get(slot)?.receiver.track
  }

  async receive(signal: Exclude<Signal, MediaSignal>): Promise<void> {
    if (this.closed) return
    switch (signal.kind) {
      case 'offer':
      case 'answer':
        return this.receiveDescription({ type: signal.kind, sdp: signal.sdp })
      case 'candidate':
        return this.receiveCandidate(signal.candidate)
      case 'candidates_end':
        return this.receiveCandidate()
    }
  }

  get connected(): boolean {
    return this.pc.connectionState === 'connected'
  }

  /** Says again what may have been lost with the server: an offer that nobody answers would stand in the way of the next. */
  repeat(): void {
    if (this.pc.signalingState === 'have-local-offer') this.sendDescription()
  }

  /**
   * Looks for a new way if the present one does not carry. Only the caller does: both sides notice a broken way,
   * and when both offer, Chromium (156) shows no more pictures on the side that gives way.
   */
  repair(): void {
    const { connectionState } = this.pc
    if (this.closed || this.options.polite || connectionState === 'connected' || connectionState === 'new') return
    this.pc.restartIce()
    this.heal(RESTART_MS)
  }

  async sample(): Promise<Sample> {
    return summarise(await this.pc.getStats())
  }

  close(): void {
    this.closed = true
    clearTimeout(this.healing)
    this.pc.close()
  }

  private async offer(): Promise<void> {
    try {
      this.makingOffer = true
      await this.pc.setLocalDescription()
      this.sendDescription()
    } catch (error) {
      this.unlessClosed(error)
    } finally {
      this.makingOffer = false
    }
  }

  private async receiveDescription(description: RTCSessionDescriptionInit): Promise<void> {
    const isOffer = description.type === 'offer'
    const ready = !this.makingOffer && (this.pc.signalingState === 'stable' || this.answering)
    this.ignoring = isOffer && !ready && !this.options.polite
    // An answer that nobody waits for is a repetition.
    if (this.ignoring || (!isOffer && this.pc.signalingState !== 'have-local-offer')) return
    try {
      this.answering = !isOffer
      await this.pc.setRemoteDescription(description)
      this.answering = false
      this.adoptPlaces()
      if (isOffer) {
        await this.pc.setLocalDescription()
        this.sendDescription()
      }
      await Promise.all(this.filledPlaces().map(([slot, place]) => this.fill(slot, place)))
      this.options.onTracks()
    } catch (error) {
      this.unlessClosed(error)
    } finally {
      this.answering = false
    }
  }

  private async receiveCandidate(candidate?: RTCIceCandidateInit): Promise<void> {
    try {
      await this.pc.addIceCandidate(candidate)
    } catch (error) {
      // Candidates of an offer we ignored have nowhere to go.
      if (!this.ignoring) this.unlessClosed(error)
    }
  }

  /** Takes the places the other side's offer made, the first of a kind for people, the second for the screen. */
  private adoptPlaces(): void {
    const taken = new Set(this.places.values())
    for (const place of this.pc.getTransceivers()) {
      if (taken.has(place)) continue
      const slot = SLOTS.find(slot => KIND[slot] === place.receiver.track.kind && !this.places.has(slot))
      if (!slot) continue
      place.direction = 'sendrecv'
      place.sender.setStreams(this.streamOf(slot))
      this.places.set(slot, place)
    }
  }

  private addPlace(slot: Slot, what: 'audio' | 'video' | MediaStreamTrack): void {
    this.places.set(slot, this.pc.addTransceiver(what, { direction: 'sendrecv', streams: [this.streamOf(slot)] }))
  }

  private streamOf(slot: Slot): MediaStream {
    return slot === 'microphone' || slot === 'camera' ? this.streams.person : this.streams.screen
  }

  private filledPlaces(): [Slot, RTCRtpTransceiver][] {
    return [...this.places].filter(([slot]) => this.tracks.has(slot))
  }

  private async fill(slot: Slot, place: RTCRtpTransceiver): Promise<void> {
    const track = this.tracks.get(slot) ?? null
    try {
      if (place.sender.track !== track) await place.sender.replaceTrack(track)
      if (track) await limitBitrate(place.sender, BITRATE_MAX[slot])
    } catch (error) {
      this.unlessClosed(error)
    }
  }

  private sendDescription(): void {
    const { type, sdp } = this.pc.localDescription ?? {}
    if (sdp && (type === 'offer' || type === 'answer')) this.options.send({ kind: type, sdp })
  }

  private sendCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate) return this.options.send({ kind: 'candidates_end' })
    // Firefox also reports the end of each generation as an empty candidate.
    if (!candidate.candidate) return
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate
    this.options.send({
      kind: 'candidate',
      candidate: {
        candidate: candidate.candidate,
        ...(sdpMid !== null && { sdpMid }),
        ...(sdpMLineIndex !== null && { sdpMLineIndex }),
        ...(usernameFragment !== null && { usernameFragment }),
      },
    })
  }

  private followConnection(): void {
    const state = this.pc.connectionState
    clearTimeout(this.healing)
    if (state === 'connected') return this.options.onConnected(true)
    if (state !== 'disconnected' && state !== 'failed') return
    this.heal(state === 'failed' ? 0 : HEAL_MS)
    this.options.onConnected(false)
  }

  private heal(afterMs: number): void {
    clearTimeout(this.healing)
    this.healing = setTimeout(() => this.repair(), afterMs)
  }

  /** Closing in the middle of a negotiation makes its steps fail; that is no news. */
  private unlessClosed(error: unknown): void {
    if (!this.closed) console.warn('call negotiation:', error)
  }
}

async function limitBitrate(sender: RTCRtpSender, maxBitrate?: number): Promise<void> {
  const parameters = sender.getParameters()
  const encoding = parameters.encodings?.[0]
  if (!maxBitrate || !encoding || encoding.maxBitrate === maxBitrate) return
  encoding.maxBitrate = maxBitrate
  // Refused while a negotiation is under way; the next one sets it.
  await sender.setParameters(parameters).catch(() => {})
}

/** The counters of all streams together; fields a browser does not have count as nothing wrong. */
function summarise(report: RTCStatsReport): Sample {
  const sample = { packetsReceived: 0, packetsLost: 0, uploadLoss: 0, rttMs: 0, framesDecoded: 0, uploadLimited: false }
  report.forEach(stat => {
    if (stat.type === 'inbound-rtp') {
      sample.packetsReceived += stat.packetsReceived ?? 0
      sample.packetsLost += stat.packetsLost ?? 0
      sample.framesDecoded += stat.framesDecoded ?? 0
    } else if (stat.type === 'remote-inbound-rtp') {
      sample.uploadLoss = Math.max(sample.uploadLoss, stat.fractionLost ?? 0)
      sample.rttMs = Math.max(sample.rttMs, (stat.roundTripTime ?? 0) * 1000)
    } else if (stat.type === 'outbound-rtp') {
      sample.uploadLimited ||= stat.qualityLimitationReason === 'bandwidth'
    }
  })
  return sample
}
