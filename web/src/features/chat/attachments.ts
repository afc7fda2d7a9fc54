import { randomUuid } from '@/shared/uuid'
import { apiUrl, type ImageBody } from '@/api'
import type { Content } from './outbox'

/** A file in the tray, before it is sent. */
export interface Picked {
  id: string
  file: File
  /** Present when the browser can show it as a picture. */
  image?: { url: string; width: number; height: number }
}

/** More than these one cannot look over in the tray. */
export const FILES_AT_ONCE = 8

const PICTURES = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif'])

/** Looks at a file; a picture that cannot be decoded goes as a file. */
export async function pick(file: File): Promise<Picked> {
  const id = randomUuid()
  if (!PICTURES.has(file.type)) return { id, file }
  try {
    const bitmap = await createImageBitmap(file)
    const { width, height } = bitmap
    bitmap.close()
    return { id, file, image: { url: URL.createObjectURL(file), width, height } }
  } catch {
    return { id, file }
  }
}

export function release(picked: Picked): void {
  if (picked.image) URL.revokeObjectURL(picked.image.url)
}

export function contentOf({ file, image }: Picked, caption?: string): Content {
  const common = {
    file,
    name: file.name,
    size: file.size,
    mime: file.type || 'application/octet-stream',
    ...(caption ? { caption } : {}),
  }
  return image ? { kind: 'image', ...common, width: image.width, height: image.height } : { kind: 'file', ...common }
}

/** 1.4 MB */
export function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const step = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0
  const value = bytes / 1024 ** step
  return `${step && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[step]}`
}

const BOX = 320
const SMALLEST = 96

/** The place a picture takes in the chat, known before a byte of it is here. */
export function boxOf(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, BOX / Math.max(width, 1), BOX / Math.max(height, 1))
  return {
    width: Math.max(SMALLEST, Math.round(width * scale)),
    height: Math.max(SMALLEST, Math.round(height * scale)),
  }
}

/** Up to here an original is worth its bytes in the chat: it is sharper than its thumbnail, or it moves. */
const ORIGINAL_BYTES_MAX: Record<string, number> = {
  'image/jpeg': 256 * 1024,
  'image/png': 512 * 1024,
  'image/webp': 1024 * 1024,
  'image/gif': 8 * 1024 * 1024,
}

/** Where the picture of a bubble comes from; `still` for people who want nothing to move. */
export function pictureUrl({ file_id, mime, size }: ImageBody, still: boolean): string {
  const original = size <= (ORIGINAL_BYTES_MAX[mime] ?? 0) && (mime === 'image/jpeg' || !still)
  return apiUrl(original ? '/files/{id}' : '/files/{id}/thumbnail', { id: file_id })
}
