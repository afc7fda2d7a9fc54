// A guest of a room at livekit-client itself, without any of our own web client: what `guest.mjs` says to its page.
/* global LivekitClient */
const { Room, Track, VideoPresets, VideoQuality, createLocalTracks } = LivekitClient

LivekitClient.setLogLevel('warn')

const guest = window.guest = { room: undefined, events: [], messages: [], tracks: {} }

// The client closes without a word on descriptions that it cannot take.
for (const name of ['setLocalDescription', 'setRemoteDescription']) {
  const original = RTCPeerConnection.prototype[name]
  RTCPeerConnection.prototype[name] = function (description, ...rest) {
    return original.call(this, description, ...rest).catch(error => {
      console.error(`${name}: ${error.message}\n${description?.sdp}`)
      throw error
    })
  }
}

guest.enter = async (url, token, { dual = false, adaptive = false } = {}) => {
  const room = guest.room = new Room({ singlePeerConnection: !dual, adaptiveStream: adaptive })
  for (const name of ['participantConnected', 'participantDisconnected', 'trackSubscriptionFailed', 'trackMuted', 'trackUnmuted', 'trackUnsubscribed', 'reconnecting', 'signalReconnecting', 'reconnected', 'disconnected']) {
    room.on(name, (...args) => guest.events.push([name, ...new Set(args.map(arg => arg?.identity ?? arg?.source ?? arg).filter(arg => typeof arg === 'string'))].join(' ')))
  }
  room.on('trackSubscribed', (track, publication, participant) => {
    const element = track.attach()
    Object.assign(element.dataset, { of: participant.identity, source: publication.source })
    document.body.append(element)
  })
  // the client has detached it by then
  room.on('trackUnsubscribed', (track, { source }, { identity }) => document.querySelector(`[data-of="${identity}"][data-source="${source}"]`)?.remove())
  room.on('dataReceived', (bytes, participant, kind, topic) => guest.messages.push(`${participant?.identity} ${topic ?? ''}: ${new TextDecoder().decode(bytes)}`))
  await room.connect(url, token)
}

/**
 * Camera, and microphone. Three layers need a picture of 960 x 540; else it is 640 x 360, in two if it is simulcast.
 * VP9 and AV1 have their layers in one stream (L3T3_KEY) unless a `scalability` of one spatial layer asks for simulcast.
 */
guest.publish = async ({ audio = true, video = true, simulcast = false, layers = 1, codec = 'vp8', scalability } = {}) => {
  const { h180, h360, h540 } = VideoPresets
  const resolution = layers > 2 ? { ...h540.resolution, frameRate: 15 } : h360.resolution
  const tracks = await createLocalTracks({ audio, video: video && { resolution } })
  for (const track of tracks) {
    const { source } = track
    guest.tracks[source] = track
    const options = { simulcast: simulcast || layers > 1, videoCodec: codec, scalabilityMode: scalability, videoSimulcastLayers: [h180, h360], degradationPreference: 'maintain-resolution' }
    await guest.room.localParticipant.publishTrack(track, track.kind === 'video' ? { source, ...options } : { source })
  }
}

/** The client sends simulcast in VP9 and AV1 only to servers that say they are as new as this. */
guest.believe = version => Object.defineProperty(guest.room.engine, 'serverVersion', { get: () => version })

guest.unpublish = source => guest.room.localParticipant.unpublishTrack(guest.tracks[source])

guest.mute = (source, muted) => muted ? guest.tracks[source].mute() : guest.tracks[source].unmute()

guest.say = (text, reliable) => guest.room.localParticipant.publishData(new TextEncoder().encode(text), { reliable, topic: reliable ? 'reliable' : 'lossy' })

const remote = (identity, source) => guest.room.remoteParticipants.get(identity)?.getTrackPublication(source)

guest.wish = (identity, quality) => remote(identity, Track.Source.Camera).setVideoQuality(VideoQuality[quality])

guest.subscribe = (identity, source, wanted) => remote(identity, source).setSubscribed(wanted)

/** What has come in of a track so far; nothing if there is no such track. */
guest.received = async (identity, source) => {
  const track = remote(identity, source)?.track
  const reports = await track?.receiver?.getStats()
  for (const report of reports?.values() ?? []) {
    if (report.type !== 'inbound-rtp') continue
    const codec = reports.get(report.codecId)?.mimeType.toLowerCase()
    const { ssrc, framesDecoded: frames, frameWidth: width, frameHeight: height, packetsReceived: packets, packetsLost: lost, totalAudioEnergy: energy, totalSamplesReceived: samples, concealedSamples: concealed, silentConcealedSamples: silent, pliCount: plis, nackCount: nacks, totalFreezesDuration: frozen } = report
    return { ssrc, codec, frames, width, height, packets, lost, energy, samples, concealed, silent, plis, nacks, frozen }
  }
  return undefined
}

/** Looks at what comes in of a track until it is as wished; false if it never is. */
guest.awaitStats = async (identity, source, patience, isWished) => {
  for (const end = performance.now() + patience; performance.now() < end;) {
    const now = await guest.received(identity, source)
    if (now && isWished(now)) return true
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return false
}

/** What goes out, a line for each stream of the camera. */
guest.sending = async () => {
  const reports = await guest.tracks.camera.sender.getStats()
  return [...reports.values()].filter(report => report.type === 'outbound-rtp')
    .map(({ rid, frameWidth, frameHeight, framesEncoded, packetsSent, pliCount, scalabilityMode, codecId }) => ({ rid, frameWidth, frameHeight, framesEncoded, packetsSent, pliCount, scalabilityMode, codec: reports.get(codecId)?.mimeType }))
}
