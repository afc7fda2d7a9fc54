import type { Draft, Uuid } from '@/api'
import { wellFormed } from '@/api/text'

/** What messages that carry a file have in common, while they are on their way. */
export interface Attachment {
  readonly file: Blob
  readonly name: string
  readonly size: number
  readonly mime: string
  readonly caption?: string
  /** Where the upload goes on after a break. */
  readonly uploadUrl?: string
  /** Set once every byte is there. */
  readonly fileId?: Uuid
}

export function draftOfFile(type: 'image' | 'file', { fileId, caption }: Attachment): Draft | undefined {
  return fileId ? { type, file_id: fileId, ...(caption ? { caption } : {}) } : undefined
}

export function bodyOfFile({ fileId = '', name, size, mime, caption }: Attachment) {
  return { file_id: fileId, name, size, mime, ...(caption ? { caption } : {}) }
}

export function sayableFile<A extends Attachment>(content: A): A {
  const caption = content.caption ? { caption: wellFormed(content.caption) } : {}
  return { ...content, name: wellFormed(content.name), ...caption }
}

/** 1.4 MB */
export function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const step = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0
  const value = bytes / 1024 ** step
  return `${step && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[step]}`
}
