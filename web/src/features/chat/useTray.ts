import { onScopeDispose, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { settings } from '@/api'
import { ElMessage } from '@/ui/element'
import { sizeText } from '@/features/content'
import { FILES_AT_ONCE, pick, release, type Picked } from './attachments'

/** The files chosen for the next message. */
export function useTray() {
  const { t } = useI18n()
  const items = shallowRef<Picked[]>([])
  onScopeDispose(clear)

  async function add(files: Iterable<File>): Promise<void> {
    const wanted = [...files].filter(fits)
    const room = FILES_AT_ONCE - items.value.length
    if (wanted.length > room) warn(t('chat.tooMany', { n: FILES_AT_ONCE }))
    const picked = await Promise.all(wanted.slice(0, room).map(pick))
    items.value = [...items.value, ...picked]
  }

  function fits(file: File): boolean {
    const limit = settings.value?.file_bytes_max ?? Infinity
    if (file.size > limit) warn(t('chat.tooLarge', { name: file.name, limit: sizeText(limit) }))
    return file.size <= limit
  }

  function warn(message: string): void {
    ElMessage({ type: 'warning', message, grouping: true })
  }

  function remove(id: string): void {
    items.value.filter(item => item.id === id).forEach(release)
    items.value = items.value.filter(item => item.id !== id)
  }

  function clear(): void {
    items.value.forEach(release)
    items.value = []
  }

  /** Hands the files over and is empty again. */
  function take(): Picked[] {
    const taken = items.value
    clear()
    return taken
  }

  return { items, add, remove, take }
}
