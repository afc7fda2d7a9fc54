import { ElMessageBox } from '@/ui/element'
import { i18n } from './i18n'

/** Asks before something that cannot be undone; the button says what will happen. */
export function confirmed(question: string, act: string): Promise<boolean> {
  const { t } = i18n.global
  return ElMessageBox.confirm(question, {
    confirmButtonText: act,
    cancelButtonText: t('shared.cancel'),
    confirmButtonClass: 'el-button--danger',
    autofocus: false,
    showClose: false,
  }).then(
    () => true,
    () => false,
  )
}
