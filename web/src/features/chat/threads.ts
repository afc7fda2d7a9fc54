import type { Uuid } from '@/api'
import type { Timeline } from './timeline'

/** What is being read beside what is there. */
export type Extension = 'older' | 'newer' | 'end'

export interface Thread {
  readonly timeline: Timeline
  readonly loading?: 'first' | Extension
  /** The first page could not be read. */
  readonly failed?: boolean
  /** Something may be missing: catch up before it is shown again. */
  readonly stale?: boolean
}

/** The conversations that have been looked at. */
export type Threads = Map<Uuid, Thread>
