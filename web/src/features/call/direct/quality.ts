/** How good the way to the other side is, judged from two looks at the connection's counters. */

/** Counters since the start of the connection, and what is true right now. */
export interface Sample {
  readonly packetsReceived: number
  readonly packetsLost: number
  /** Share of what we sent that the other side missed lately, 0 to 1. */
  readonly uploadLoss: number
  readonly rttMs: number
  readonly framesDecoded: number
  /** The browser lowers our picture because the way out is too narrow. */
  readonly uploadLimited: boolean
}

export type Quality = 'good' | 'upload_weak' | 'download_weak' | 'slow'

const LOSS_WEAK = 0.06
const RTT_SLOW_MS = 500
/** Fewer packets than this say nothing about loss. */
const PACKETS_MIN = 30

export function rate(before: Sample, now: Sample): Quality {
  const received = now.packetsReceived - before.packetsReceived
  const lost = Math.max(0, now.packetsLost - before.packetsLost)
  if (received + lost >= PACKETS_MIN && lost / (received + lost) > LOSS_WEAK) return 'download_weak'
  if (now.uploadLoss > LOSS_WEAK || (now.uploadLimited && before.uploadLimited && now.uploadLoss > LOSS_WEAK / 3))
    return 'upload_weak'
  return now.rttMs > RTT_SLOW_MS ? 'slow' : 'good'
}

/** A judgement counts once it has been the same twice: networks hiccup, notices should not. */
export class Steady {
  private last: Quality = 'good'
  private shown: Quality = 'good'

  hear(quality: Quality): Quality {
    if (quality === this.last) this.shown = quality
    this.last = quality
    return this.shown
  }
}
