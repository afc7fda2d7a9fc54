/** The words of the protocol (signalling/PROTOCOL.md) under the names the client uses. */

export type Uuid = string
/** Milliseconds since 1970 UTC. */
export type Millis = number

export interface ErrorBody {
  code: string
  message: string
  retryable: boolean
  retry_after_ms?: number
  request_id: string
  field?: string
}

export interface Me {
  id: Uuid
  name: string
  nickname: string
  avatar?: string
  direct_add: boolean
  created_at: Millis
}

export type Relation = 'self' | 'contact' | 'requested' | 'asks_me' | 'blocked' | 'none'

export interface Profile {
  id: Uuid
  name: string
  nickname: string
  avatar?: string
  relation: Relation
}

export interface Device {
  id?: Uuid
  kind: 'web' | 'desktop' | 'ios' | 'android' | 'other'
  name: string
}

export interface SignedIn {
  user: Me
  login_id: Uuid
  access_expires_at: Millis
  refresh_expires_at: Millis
}

export interface Login {
  id: Uuid
  device: Device
  created_at: Millis
  last_seen_at: Millis
  address: string
  current: boolean
}

export type PresenceState = 'online' | 'away' | 'offline'

export interface Presence {
  user_id: Uuid
  state: PresenceState
  last_seen_at?: Millis
}

export interface Contact {
  user: Profile
  remark?: string
  deleted: boolean
  ver: number
  conversation_id?: Uuid
  presence: Presence
}

export interface ContactRequest {
  id: Uuid
  from: Profile
  to: Profile
  message: string
  way: 'name' | 'id' | 'group' | 'qr'
  status: 'pending' | 'accepted' | 'refused' | 'blocked'
  at: Millis
  updated_at: Millis
  read: boolean
}

export interface Conversation {
  id: Uuid
  kind: 'direct' | 'group'
  title?: string
  peer?: Profile
  avatar?: string
  role: 'member' | 'owner'
  writable: boolean
  member_count: number
  last_seq: number
  last_ver: number
  read_seq: number
  received_seq: number
  unread: number
  peer_read_seq?: number
  peer_received_seq?: number
  last_message?: Message
  presence?: Presence
  created_at: Millis
  updated_at: Millis
}

export interface Member {
  user: Profile
  role: 'member' | 'owner'
  joined_at: Millis
  read_seq: number
  received_seq: number
}

export type SystemEventKind = 'created' | 'invited' | 'left' | 'removed' | 'renamed' | 'owner' | 'contact'

export interface SystemEvent {
  kind: SystemEventKind
  actor_id: Uuid
  user_ids?: Uuid[]
  title?: string
}

export type Media = 'voice' | 'video' | 'screen'
export type Outcome = 'completed' | 'declined' | 'busy' | 'cancelled' | 'missed' | 'lost'

export interface TextBody { type: 'text', text: string }
export interface ImageBody { type: 'image', file_id: Uuid, caption?: string, name: string, size: number, mime: string, width: number, height: number }
export interface FileBody { type: 'file', file_id: Uuid, caption?: string, name: string, size: number, mime: string }
export interface CallBody { type: 'call', call_id: Uuid, media: Media, outcome: Outcome, duration_ms?: number }
export interface SystemBody { type: 'system', event: SystemEvent }
export interface RecalledBody { type: 'recalled' }
export type Body = TextBody | ImageBody | FileBody | CallBody | SystemBody | RecalledBody

/** What a person may send; the server fills in the rest of a body. */
export type Draft = TextBody | { type: 'image', file_id: Uuid, caption?: string } | { type: 'file', file_id: Uuid, caption?: string }

export interface Message {
  id: Uuid
  conversation_id: Uuid
  seq: number
  ver: number
  sender_id: Uuid
  client_msg_id: Uuid
  at: Millis
  body: Body
  recalled_at?: Millis
}

export type Change =
  | { ver: number, at: Millis, kind: 'message', message: Message }
  | { ver: number, at: Millis, kind: 'recall', seq: number, message: Message }

export interface Ack {
  client_msg_id: Uuid
  msg_id: Uuid
  conversation_id: Uuid
  seq: number
  ver: number
  at: Millis
  dup: boolean
  peer_online?: boolean
}

export interface Receipt {
  conversation_id: Uuid
  user_id: Uuid
  received_seq: number
  read_seq: number
}

export interface CallState {
  id: Uuid
  conversation_id: Uuid
  caller: Profile
  callee: Profile
  media: Media
  state: 'ringing' | 'active'
  started_at: Millis
  accepted_at?: Millis
  mine: boolean
  ice_servers: RTCIceServer[]
}

export type Signal =
  | { kind: 'offer' | 'answer', sdp: string }
  | { kind: 'candidate', candidate: RTCIceCandidateInit }
  | { kind: 'candidates_end' }
  | { kind: 'media', microphone: boolean, camera: boolean, screen: boolean }

export type Lang = 'zh' | 'en'

/** Frames the server answers with `ok`, `ack` or `error`, paired by `ref`. */
export type RequestFrame =
  | { type: 'send', conversation_id: Uuid, client_msg_id: Uuid, body: Draft }
  | { type: 'receipt', conversation_id: Uuid, received_seq?: number, read_seq?: number }
  | { type: 'ping' }
  | { type: 'call_start', call_id: Uuid, user_id: Uuid, media: Media }
  | { type: 'call_accept' | 'call_decline' | 'call_hangup', call_id: Uuid }
  | { type: 'call_signal', call_id: Uuid, signal: Signal }

/** Frames nobody answers. */
export type TellFrame =
  | { type: 'typing', conversation_id: Uuid }
  | { type: 'presence', state: 'online' | 'away' }

export type OpeningFrame =
  | { type: 'hello', lang?: Lang }
  | { type: 'resume', socket_id: Uuid, n: number, lang?: Lang }

/** What the server pushes, by the frame's `type`. Every frame also carries `n`. */
export interface ServerFrames {
  welcome: { socket_id: Uuid, recovered: boolean, user_id: Uuid, login_id: Uuid, server_time: Millis, calls: CallState[] }
  ok: { ref?: string }
  error: { ref?: string, error: ErrorBody, client_msg_id?: Uuid }
  ack: { ref?: string } & Ack
  message: { message: Message }
  change: { conversation_id: Uuid, change: Change }
  receipt: Receipt
  conversation: { conversation: Conversation }
  conversation_removed: { conversation_id: Uuid }
  typing: { conversation_id: Uuid, user_id: Uuid }
  presence: Presence
  contact: { contact: Contact }
  contact_request: { request: ContactRequest }
  me: { user: Me }
  sync: object
  call_ringing: { call: CallState }
  call_accepted: { call: CallState }
  call_signal: { call_id: Uuid, signal: Signal }
  call_ended: { call_id: Uuid, outcome: Outcome, by?: Uuid }
}

export type ServerFrameType = keyof ServerFrames
export type ServerFrame = { [T in ServerFrameType]: { type: T, n: number } & ServerFrames[T] }[ServerFrameType]
