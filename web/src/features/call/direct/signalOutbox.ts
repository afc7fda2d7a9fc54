import type { Signal } from '@/api'

/** A signal that waits for its turn; far above what one negotiation makes. */
const WAITING_MAX = 500

export type Delivery = 'sent' | 'offline' | 'refused'

/**
 * Hands signals over in order, one at a time, and keeps them while the socket is away: an offer lost in a
 * reconnect would leave both sides waiting for each other. A repeated signal does no harm.
 */
export class Outbox {
  private readonly waiting: Signal[] = []
  private busy = false

  constructor(private readonly deliver: (signal: Signal) => Promise<Delivery>) {}

  push(signal: Signal): void {
    if (this.waiting.length >= WAITING_MAX) this.waiting.shift()
    this.waiting.push(signal)
    void this.flush()
  }

  /** Goes on after the socket came back. */
  async flush(): Promise<void> {
    if (this.busy) return
    this.busy = true
    for (let signal = this.waiting[0]; signal; signal = this.waiting[0]) {
      const delivery = await this.deliver(signal)
      if (delivery === 'offline') break
      if (delivery === 'refused') this.waiting.length = 0
      else this.waiting.shift()
    }
    this.busy = false
  }
}
