import type { Component } from 'vue'
import type { Body, Draft, Media, Uuid } from '@/api'

/** What the client needs to know of one kind of message, and nothing else may ask what kind a message is. */

export type BodyOf<T extends Body['type']> = Extract<Body, { type: T }>

/** Who reads a message, and who wrote it. */
export interface Reader {
  readonly t: (key: string, words?: Record<string, unknown>) => string
  readonly own: boolean
  readonly sender: Uuid
  readonly name: (id: Uuid) => string
}

/** What a press on a message may do. */
export interface Acts {
  view(): void
  call(media: Exclude<Media, 'screen'>): void
}

export interface Kind<B> {
  /** Somebody says it to others: it has ticks, may be taken back, and is worth a hint. Else the server notes it. */
  readonly said?: true
  /** Nothing of it is shown, not even its day. */
  readonly hidden?: true
  /** It stands between the bubbles, as a line by this name for tests. */
  readonly line?: string
  /** What its bubble shows above the words. Takes `ViewProps`, emits `press` and `cancel`. */
  readonly view?: Component<ViewProps<B>>
  /** Without words its view fills the bubble to the edge. */
  readonly bare?: true
  /** Its file is a picture, which whoever sends it sees at once. */
  readonly pictured?: true
  /** Words to be read, and copied. */
  words?(body: B): string | undefined
  /** What may be downloaded. */
  file?(body: B): { id: Uuid; name: string }
  /** The message in one line. */
  preview(body: B, reader: Reader): string
  press?(body: B, acts: Acts): void
}

export interface ViewProps<B> {
  readonly body: B
  readonly own: boolean
  /** A picture that is already here. */
  readonly localImage?: string
  /** Share of an upload that is there; undefined once sent. */
  readonly progress?: number
}

/** How what was written here becomes a message of its kind. */
export interface Sending<C> {
  /** What is said to the server, once it can be said. */
  draft(content: C): Draft | undefined
  /** The body as the server will tell it, from what is known here. */
  body(content: C): Body
  /** As it can be said to others. */
  sayable(content: C): C
}
