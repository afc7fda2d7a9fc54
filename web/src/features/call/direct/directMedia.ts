import { reactive, ref, shallowRef, watch } from 'vue'
import { ApiError, socket, type Signal, type Uuid } from '@/api'
import { useLocal } from '../devices/local.store'
import { SLOTS, type Slot } from '../devices/slots'
import { farewell } from '../devices/sounds'
import type { Call, Input } from './directCall'
import { DirectConnection } from './directConnection'
import { rate, Steady, type Quality, type Sample } from './quality'
import { Outbox, type Delivery } from './signalOutbox'

const SAMPLE_EVERY_MS = 2000
/** After a move the other side may still listen to the direct connection for as long. */
const LINGER_MS = 4000

const NOTHING_ON = { microphone: false, camera: false, screen: false }

/** The media of the one-to-one call in hand: its connection, its signals, and what comes from the other side. */
export function useDirectMedia(feed: (input: Input) => void) {
  const local = useLocal()
  const remote = reactive({ ...NOTHING_ON })
  const remoteTracks = shallowRef<Partial<Record<Slot, MediaStreamTrack>>>({})
  const { quality, follow } = useQuality()
  let connection: DirectConnection | undefined
  let outbox: Outbox | undefined
  let stops: (() => void)[] = []

  function open({ id, role, iceServers, connection: agreed }: Call): void {
    connection?.close()
    forget()
    outbox = new Outbox(signal => deliver(id, signal, agreed))
    connection = new DirectConnection({
      polite: role === 'callee',
      iceServers,
      send: signal => outbox?.push(signal),
      onTracks: () =>
        (remoteTracks.value = Object.fromEntries(SLOTS.map(slot => [slot, connection?.remoteTrack(slot)]))),
      onConnected: connected => feed({ type: connected ? 'media_up' : 'media_down' }),
    })
    stops = [local.sendTo(connection), follow(connection)]
    tellMedia()
  }

  function receive(signal: Signal): void {
    if (signal.kind !== 'media') return void connection?.receive(signal)
    const { microphone, camera, screen } = signal
    Object.assign(remote, { microphone, camera, screen })
  }

  function repair(): void {
    void outbox?.flush()
    connection?.repeat()
    tellMedia()
    if (connection?.connected) feed({ type: 'media_up' })
    else connection?.repair()
  }

  function close(): void {
    if (connection) farewell()
    connection?.close()
    forget()
    local.close()
  }

  /** What one hears comes from the room now; the connection stays for the other side, who may not be that far. */
  function handOver(): void {
    const leaving = connection
    setTimeout(() => leaving?.close(), LINGER_MS)
    forget()
  }

  function forget(): void {
    stops.forEach(stop => stop())
    stops = []
    connection = outbox = undefined
    remoteTracks.value = {}
    Object.assign(remote, NOTHING_ON)
  }

  const tellMedia = () => local.media && outbox?.push(mediaSignal(local.media))
  watch(() => local.media && [local.media.on.microphone, ...SENT.map(slot => local.media!.tracks[slot])], tellMedia)

  return { remote, remoteTracks, quality, open, receive, repair, close, handOver }
}

const SENT = ['microphone', 'camera', 'screen'] as const

type LocalMedia = NonNullable<ReturnType<typeof useLocal>['media']>

function mediaSignal({ on, tracks }: LocalMedia): Signal {
  const microphone = on.microphone && !!tracks.microphone
  return { kind: 'media', microphone, camera: !!tracks.camera, screen: !!tracks.screen }
}

async function deliver(callId: Uuid, signal: Signal, connection?: number): Promise<Delivery> {
  try {
    await socket.request({ type: 'call_signal', call_id: callId, signal, connection })
    return 'sent'
  } catch (error) {
    return error instanceof ApiError && error.retryable ? 'offline' : 'refused'
  }
}

/** How good a connection is, for as long as it is followed. */
function useQuality() {
  const quality = ref<Quality>('good')

  function follow(connection: DirectConnection): () => void {
    const steady = new Steady()
    let before: Sample | undefined
    let over = false
    const sampling = setInterval(async () => {
      const sample = await connection.sample().catch(() => undefined)
      if (!sample || over) return
      if (before) quality.value = steady.hear(rate(before, sample))
      before = sample
    }, SAMPLE_EVERY_MS)
    return () => {
      over = true
      clearInterval(sampling)
      quality.value = 'good'
    }
  }

  return { quality, follow }
}
