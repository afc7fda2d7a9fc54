import type { Lang, OpeningFrame, ServerFrame } from './types'

/**
 * What the socket remembers and decides, without a socket: which frame opens it, what a frame's number
 * means, what a close code asks for, how long to wait.
 */

export interface Memory {
  /** The server's name for the socket, once welcomed. */
  readonly socketId?: string
  /** The newest frame number handled. */
  readonly n: number
}

export const NOTHING: Memory = { n: 0 }

export function openingFrame(memory: Memory, lang: Lang): OpeningFrame {
  return memory.socketId ? { type: 'resume', socket_id: memory.socketId, n: memory.n, lang } : { type: 'hello', lang }
}

type Verdict = 'deliver' | 'ignore' | 'restart'

/**
 * Frames are numbered without holes per socket: an old number is a repetition, a hole means that something
 * was lost on the way and only a fresh start with a sync is honest.
 */
export function judge(
  memory: Memory,
  frame: Pick<ServerFrame, 'n' | 'type'> & { socket_id?: string; recovered?: boolean },
): [Memory, Verdict] {
  if (frame.type === 'welcome') {
    const n = frame.recovered ? memory.n : frame.n
    return [{ socketId: frame.socket_id, n }, 'deliver']
  }
  if (frame.n <= memory.n) return [memory, 'ignore']
  if (frame.n > memory.n + 1) return [NOTHING, 'restart']
  return [{ ...memory, n: frame.n }, 'deliver']
}

type AfterClose =
  /** Come back and resume. */
  | 'resume'
  /** Come back with a hello; what the old socket had is not to be trusted. */
  | 'fresh'
  /** The login may be over: ask for new cookies first. */
  | 'authenticate'
  /** Coming back would be wrong. */
  | 'stop'

export function afterClose(code: number): AfterClose {
  switch (code) {
    case 4000:
      return 'fresh'
    case 4401:
      return 'authenticate'
    case 4400:
    case 4408:
    case 4409:
      return 'stop'
    default:
      return 'resume'
  }
}

const FIRST_WAIT_MS = 400
/** Somebody who looks at the page shall not wait long once the way is free again. */
const LONGEST_WAIT_MS = 4000
/** Behind other windows it spares the battery and the server. */
const LONGEST_WAIT_HIDDEN_MS = 20_000

/** Doubling waits, each shortened by up to a half so that clients of a restarted server do not come as one. */
export function waitMs(attempt: number, hidden: boolean, random: () => number = Math.random): number {
  const full = Math.min(hidden ? LONGEST_WAIT_HIDDEN_MS : LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10))
  return Math.round(full * (1 - random() / 2))
}
