import { ApiError } from '@/api'
import { ElMessage } from '@/ui/element'
import { i18n } from './i18n'

/** What to tell a person about a failure: the server's own words, else ours. */
export function errorText(error: unknown): string {
  const { t } = i18n.global
  if (!(error instanceof ApiError)) return t('shared.errors.unknown')
  if (error.code === 'offline') return t('shared.errors.offline')
  if (error.message && error.message !== error.code) return error.message
  return t(error.status >= 500 ? 'shared.errors.unavailable' : 'shared.errors.unknown')
}

export function showError(error: unknown): void {
  ElMessage({ type: 'error', message: errorText(error), grouping: true })
}
