import type { Body, Draft } from '@/api'
import type { Attachment } from './attachment'
import { call } from './call'
import { file } from './file'
import { image } from './image'
import type { Acts, BodyOf, Kind, Reader, Sending } from './kind'
import { recalled } from './recalled'
import { system } from './system'
import { text } from './text'
import { withheld } from './withheld'

/** Every kind of message there is. A new one is a file beside these and its name here. */
const KINDS = { text, image, file, call, system, recalled, withheld } satisfies {
  [T in Body['type']]: Kind<BodyOf<T>> & { sending?: Sending<object> }
}

type ContentOf<K> = K extends { sending: Sending<infer C> } ? C : never

/** What a person has written or chosen, before it is a message. */
export type Content = { [T in keyof typeof KINDS]: ContentOf<(typeof KINDS)[T]> }[keyof typeof KINDS]

function kindOf<B extends Body>(body: B): Kind<B> {
  return KINDS[body.type] as unknown as Kind<B>
}

function sendingOf<C extends Content>(content: C): Sending<C> {
  return KINDS[content.kind].sending as unknown as Sending<C>
}

export const isSaid = (body: Body): boolean => kindOf(body).said ?? false
export const isBare = (body: Body): boolean => kindOf(body).bare ?? false
export const isHidden = (body: Body): boolean => kindOf(body).hidden ?? false
export const lineOf = (body: Body): string | undefined => kindOf(body).line
export const viewOf = (body: Body) => kindOf(body).view
export const wordsOf = (body: Body): string | undefined => kindOf(body).words?.(body)
export const fileOf = (body: Body) => kindOf(body).file?.(body)
export const previewOf = (body: Body, reader: Reader): string => kindOf(body).preview(body, reader)
export const press = (body: Body, acts: Acts): void => kindOf(body).press?.(body, acts)

export const draftOf = (content: Content): Draft | undefined => sendingOf(content).draft(content)
export const bodyOf = (content: Content): Body => sendingOf(content).body(content)
export const sayable = (content: Content): Content => sendingOf(content).sayable(content)

export function isPicture(content: Content): content is Content & Attachment {
  return isAttachment(content) && kindOf(bodyOf(content)).pictured === true
}

export function isAttachment(content: Content): content is Content & Attachment {
  return 'file' in content
}
