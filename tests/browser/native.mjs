/**
 * Somebody in a room with LiveKit's own SDK, in a process of their own: `node native.mjs url token single|dual`. Shows a
 * moving picture and plays a tone, and says on standard output what came, a line of JSON each.
 */
import { AudioFrame, AudioSource, AudioStream, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, TrackKind, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream, dispose } from '@livekit/rtc-node'

const [url, token, mode] = process.argv.slice(2)
const [WIDTH, HEIGHT, RATE] = [640, 360, 48_000]

const room = new Room()
const received = {}
const say = what => process.stdout.write(`${JSON.stringify(what)}\n`)

room.on(RoomEvent.TrackSubscribed, async (track, publication, participant) => {
  const counter = received[`${participant.identity} ${track.kind === TrackKind.KIND_VIDEO ? 'video' : 'audio'}`] = { frames: 0, loud: 0 }
  if (track.kind === TrackKind.KIND_VIDEO) {
    for await (const { frame } of new VideoStream(track)) Object.assign(counter, { frames: counter.frames + 1, width: frame.width, height: frame.height })
  } else {
    for await (const frame of new AudioStream(track)) {
      counter.frames++
      if (frame.data.some(sample => Math.abs(sample) > 500)) counter.loud++
    }
  }
})
room.on(RoomEvent.DataReceived, (bytes, participant) => say({ data: new TextDecoder().decode(bytes), from: participant?.identity }))
room.on(RoomEvent.ParticipantDisconnected, participant => say({ gone: participant.identity }))

await room.connect(url, token, { autoSubscribe: true, dynacast: false, singlePeerConnection: mode === 'single' })

const video = new VideoSource(WIDTH, HEIGHT)
const audio = new AudioSource(RATE, 1)
await room.localParticipant.publishTrack(LocalVideoTrack.createVideoTrack('picture', video), new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA, simulcast: true }))
await room.localParticipant.publishTrack(LocalAudioTrack.createAudioTrack('tone', audio), new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))

let frames = 0
const picture = setInterval(() => {
  const data = new Uint8Array(WIDTH * HEIGHT * 1.5).fill(128)
  for (let y = 0; y < HEIGHT; y++) data.fill(64 + ((y + 4 * frames) % 128), y * WIDTH, (y + 1) * WIDTH)
  frames++
  video.captureFrame(new VideoFrame(data, WIDTH, HEIGHT, VideoBufferType.I420))
}, 50)

let playing = true
const tone = (async () => {
  for (let at = 0; playing; at += RATE / 100) {
    const frame = AudioFrame.create(RATE, 1, RATE / 100)
    frame.data.forEach((_, n) => { frame.data[n] = 8000 * Math.sin((2 * Math.PI * 440 * (at + n)) / RATE) })
    await audio.captureFrame(frame)
  }
})()
const report = setInterval(() => say({ received }), 250)
say({ entered: room.localParticipant.identity })
await room.localParticipant.publishData(new TextEncoder().encode('hello from a native client'), { reliable: true, topic: 'reliable' })

// Leaves when told to, by the end of its standard input.
process.stdin.resume()
await new Promise(resolve => process.stdin.once('end', resolve))
clearInterval(picture)
clearInterval(report)
playing = false
await tone
await room.disconnect()
await dispose()
process.exit(0)
