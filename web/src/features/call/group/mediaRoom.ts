import {
  AudioPresets,
  ConnectionQuality,
  DisconnectReason,
  LocalAudioTrack,
  LocalVideoTrack,
  LogLevel,
  Room,
  RoomEvent,
  ScreenSharePresets,
  setLogLevel,
  Track,
  VideoPresets,
  type LocalTrack,
  type Participant,
  type RemoteTrack,
  type TrackPublication,
  type TrackPublishOptions,
} from 'livekit-client'
import { SLOTS, type Slot } from '../devices/slots'
import type { Sink } from '../devices/local.store'
import type { Picture } from '../tiles/picture'
import type { RoomPerson } from './person'
import type { CloseReason } from './groupCallState'

/**
 * A room of the media server, and the only file that knows livekit-client. It sends the tracks it is given, tells who is
 * there as plain values, and opens no device itself.
 */

interface RoomOptions {
  readonly onPeople: (people: RoomPerson[]) => void
  readonly onState: (state: 'entered' | 'reconnecting') => void
  readonly onClosed: (reason: CloseReason) => void
  /** Somebody else turned off what we send. */
  readonly onTurnedOff: (slot: Slot) => void
}

const SOURCE: Record<Slot, Track.Source> = {
  microphone: Track.Source.Microphone,
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
  screen_sound: Track.Source.ScreenShareAudio,
}

const PUBLISH: Record<Slot, TrackPublishOptions> = {
  microphone: { audioPreset: AudioPresets.music },
  camera: {
    simulcast: true,
    videoEncoding: VideoPresets.h720.encoding,
    videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
  },
  // One layer, as sharp as it gets: text in a scaled screen is no longer text.
  screen: {
    simulcast: false,
    screenShareEncoding: ScreenSharePresets.h1080fps15.encoding,
    degradationPreference: 'maintain-resolution',
  },
  screen_sound: { audioPreset: AudioPresets.musicHighQuality, dtx: false, red: false },
}

/** What changes who is there or what they show. */
const NEWS = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.TrackStreamStateChanged,
  RoomEvent.Reconnected,
] as const

setLogLevel(LogLevel.warn)

export class MediaRoom implements Sink {
  private readonly room = new Room({
    adaptiveStream: true,
    dynacast: false,
    // It leaves when the page does, but as if the room had been lost, and what is lost is asked for anew: `close` does better.
    disconnectOnPageLeave: false,
    stopLocalTrackOnUnpublish: false,
    publishDefaults: { videoCodec: 'vp8', backupCodec: false },
  })

  /** What should be sent, and what is. */
  private readonly wanted = new Map<Slot, MediaStreamTrack | null>()
  private readonly muted = new Set<Slot>()
  private readonly sent = new Map<Slot, LocalTrack>()
  private readonly turns = new Map<Slot, Promise<void>>()

  private readonly pictures = new WeakMap<RemoteTrack, Picture>()
  /** When each screen came, as the library does not say. */
  private readonly screens = new Map<string, number>()
  private inside = false
  private closed = false
  private telling = false

  constructor(private readonly options: RoomOptions) {
    for (const event of NEWS) this.room.on(event, () => this.tell())
    this.room
      .on(RoomEvent.TrackMuted, (publication, participant) => this.heedMute(publication, participant))
      .on(RoomEvent.SignalReconnecting, () => this.say('reconnecting'))
      .on(RoomEvent.Reconnecting, () => this.say('reconnecting'))
      .on(RoomEvent.Reconnected, () => this.arrive())
      .on(RoomEvent.Disconnected, reason => this.end(closeReason(reason)))
    addEventListener('pagehide', this.close)
  }

  async enter(url: string, token: string): Promise<void> {
    try {
      await this.room.connect(url, token)
      this.arrive()
    } catch (error) {
      if (this.closed) return
      console.warn('entering the room:', error)
      this.end('lost')
    }
  }

  /** Sends a track, in the place of the former one of its kind. */
  put(slot: Slot, track: MediaStreamTrack | null): Promise<void> {
    this.wanted.set(slot, track)
    return this.carry(slot)
  }

  /** Silence that others see as such. */
  mute(slot: Slot, muted: boolean): Promise<void> {
    if (muted) this.muted.add(slot)
    else this.muted.delete(slot)
    return this.carry(slot)
  }

  readonly close = (): void => {
    this.closed = true
    removeEventListener('pagehide', this.close)
    void this.room.disconnect(false)
  }

  /** The library goes on for a moment with a room that is closed; that is no news of the next one. */
  private say(state: 'entered' | 'reconnecting'): void {
    if (!this.closed) this.options.onState(state)
  }

  private arrive(): void {
    this.inside = true
    this.say('entered')
    this.tell()
    for (const slot of SLOTS) void this.carry(slot)
  }

  private end(reason: CloseReason): void {
    if (this.closed) return
    this.close()
    this.options.onClosed(reason)
  }

  /** Makes what is sent what should be, one step at a time for each slot. */
  private carry(slot: Slot): Promise<void> {
    const turn = (this.turns.get(slot) ?? Promise.resolve())
      .then(() => this.settle(slot))
      .catch(error => {
        if (!this.closed) console.warn(`sending the ${slot}:`, error)
      })
    this.turns.set(slot, turn)
    return turn
  }

  private async settle(slot: Slot): Promise<void> {
    const track = this.wanted.get(slot)
    const sent = this.sent.get(slot)
    if (!this.inside || this.closed) return
    if (!sent) return track ? this.publish(slot, track) : undefined
    if (!track && (slot === 'screen' || slot === 'screen_sound')) return this.unpublish(slot, sent)
    // A camera that is off keeps its place, muted: publishing it anew each time would make the session description grow.
    if (track && sent.mediaStreamTrack !== track) await sent.replaceTrack(track, true)
    await (track && !this.muted.has(slot) ? sent.unmute() : sent.mute())
    this.tell()
  }

  private async publish(slot: Slot, track: MediaStreamTrack): Promise<void> {
    const local =
      track.kind === 'audio' ? new LocalAudioTrack(track, undefined, true) : new LocalVideoTrack(track, undefined, true)
    // Before it is published, else the first words of somebody who is muted would be heard.
    if (this.muted.has(slot)) await local.mute()
    this.sent.set(slot, local)
    try {
      await this.room.localParticipant.publishTrack(local, { source: SOURCE[slot], ...PUBLISH[slot] })
    } catch (error) {
      this.sent.delete(slot)
      throw error
    }
  }

  private async unpublish(slot: Slot, sent: LocalTrack): Promise<void> {
    this.sent.delete(slot)
    await this.room.localParticipant.unpublishTrack(sent, false)
  }

  private heedMute({ source }: TrackPublication, participant: Participant): void {
    const slot = SLOTS.find(slot => SOURCE[slot] === source)
    if (participant.isLocal && slot && this.wanted.get(slot) && !this.muted.has(slot)) this.options.onTurnedOff(slot)
  }

  /** Events come in bursts; who is there is told once for each. */
  private tell(): void {
    if (this.telling) return
    this.telling = true
    queueMicrotask(() => {
      this.telling = false
      if (this.inside && !this.closed) this.options.onPeople(this.people())
    })
  }

  /** In the order of their coming, oneself last. */
  private people(): RoomPerson[] {
    const others = [...this.room.remoteParticipants.values()].sort(
      (a, b) => (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0),
    )
    return [...others, this.room.localParticipant].map(one => this.person(one))
  }

  private person(one: Participant): RoomPerson {
    const of = (slot: Slot) => one.getTrackPublication(SOURCE[slot])
    const isOn = (slot: Slot) =>
      one.isLocal ? !!this.wanted.get(slot) && !this.muted.has(slot) : !!of(slot) && !of(slot)!.isMuted
    const screen = of('screen')
    return {
      id: one.identity,
      name: one.name ?? '',
      me: one.isLocal,
      microphone: isOn('microphone'),
      camera: isOn('camera'),
      screen: isOn('screen'),
      screenSince: screen ? this.since(screen.trackSid) : 0,
      speaking: one.isSpeaking,
      quality: quality(one.connectionQuality),
      pictures: { camera: this.picture(of('camera')), screen: this.picture(screen) },
      paused: { camera: isPaused(of('camera')), screen: isPaused(screen) },
      sounds: { microphone: sound(of('microphone')), screen_sound: sound(of('screen_sound')) },
    }
  }

  private since(sid: string): number {
    if (!this.screens.has(sid)) this.screens.set(sid, this.screens.size + 1)
    return this.screens.get(sid)!
  }

  private picture(publication: TrackPublication | undefined): Picture | undefined {
    const track = publication?.track
    if (!track || track.isLocal || publication.isMuted) return undefined
    const remote = track as RemoteTrack
    const known = this.pictures.get(remote) ?? {
      id: publication.trackSid,
      attach: element => {
        remote.attach(element)
        return () => remote.detach(element)
      },
    }
    this.pictures.set(remote, known)
    return known
  }
}

function sound(publication: TrackPublication | undefined): MediaStreamTrack | undefined {
  return publication?.track && !publication.track.isLocal ? publication.track.mediaStreamTrack : undefined
}

function isPaused(publication: TrackPublication | undefined): boolean {
  return publication?.track?.streamState === Track.StreamState.Paused
}

function quality(of: ConnectionQuality): RoomPerson['quality'] {
  if (of === ConnectionQuality.Lost) return 'lost'
  return of === ConnectionQuality.Poor ? 'weak' : 'good'
}

function closeReason(reason: DisconnectReason | undefined): CloseReason {
  switch (reason) {
    case DisconnectReason.PARTICIPANT_REMOVED:
      return 'removed'
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return 'over'
    case DisconnectReason.DUPLICATE_IDENTITY:
      return 'elsewhere'
    default:
      return 'lost'
  }
}
