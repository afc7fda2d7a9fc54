import type { components } from './schema'

/** The words of the protocol under the names the client uses; their shapes are the server's own. */

/**
 * An absent field is left out and never null, and bytes come from a `Blob`; the generator cannot say so.
 */
export type Told<T> = T extends null
  ? never
  : T extends (infer E)[]
    ? Told<E>[]
    : T extends object
      ? { [K in keyof T]: K extends 'application/octet-stream' ? Blob : Told<T[K]> }
      : T
type Schemas = { [K in keyof components['schemas']]: Told<components['schemas'][K]> }

export type Uuid = string
/** Milliseconds since 1970 UTC. */
export type Millis = number
export type Lang = 'zh' | 'en'

export type Settings = Schemas['Settings']
export type ErrorBody = Schemas['Error']
export type Me = Schemas['Me']
export type Profile = Schemas['Profile']
export type Relation = Schemas['Relation']
export type Device = Schemas['Device']
export type SignedIn = Schemas['SignedIn']
export type Login = Schemas['Login']
export type Presence = Schemas['Presence']
export type PresenceState = Schemas['Availability']
export type Contact = Schemas['Contact']
export type ContactRequest = Schemas['ContactRequest']
export type Conversation = Schemas['Conversation']
export type Member = Schemas['Member']
export type Message = Schemas['Message']
export type Body = Schemas['Body']
export type Draft = Schemas['Draft']
export type SystemEvent = Schemas['SystemEvent']
export type Change = Schemas['Change']
export type Ack = Schemas['Ack']
export type Receipt = Schemas['Receipt']
export type CallState = Schemas['CallState']
export type Media = Schemas['CallMedia']
export type Outcome = Schemas['CallOutcome']
export type Signal = Schemas['Signal']
export type GroupCall = Schemas['GroupCall']
export type CallTicket = Schemas['CallTicket']
export type GroupMedia = Schemas['GroupMedia']
export type MuteSource = Schemas['MuteSource']

export type ImageBody = Extract<Body, { type: 'image' }>
export type CallBody = Extract<Body, { type: 'call' }>

type ClientFrame = Schemas['ClientFrame']
export type OpeningFrame = Extract<ClientFrame, { type: 'hello' | 'resume' }>
/** Frames nobody answers. */
export type TellFrame = Extract<ClientFrame, { type: 'typing' | 'presence' }>
/** Frames the server answers with `ok`, `ack` or `error`, paired by `ref`. */
export type RequestFrame = Exclude<ClientFrame, OpeningFrame | TellFrame>

/** Every frame of the server carries its number. */
export type ServerFrame = Schemas['ServerFrame'] & { n: number }
export type ServerFrameType = ServerFrame['type']
export type ServerFrameOf<T extends ServerFrameType> = Extract<ServerFrame, { type: T }>
/** What the frames say, by their type. */
export type ServerFrames = { [T in ServerFrameType]: Omit<ServerFrameOf<T>, 'type' | 'n'> }
