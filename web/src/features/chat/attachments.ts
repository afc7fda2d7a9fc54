import { randomUuid } from '@/shared/uuid'
import type { Content } from '@/features/content'

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
