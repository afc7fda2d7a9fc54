import type { ImageBody } from '@/api'
import { apiUrl } from '@/api/client'

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
