import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useLocal } from './local.store'

/** What is wrong with what one sends: one sentence even when both devices have the same trouble, else the voice first. */
export function useTroubleText(): ComputedRef<string | undefined> {
  const local = useLocal()
  const { t } = useI18n()
  return computed(() => {
    const { microphone, camera, screen } = local.troubles
    if (microphone && microphone === camera) return t(`call.trouble.both.${microphone}`)
    if (microphone) return t(`call.trouble.microphone.${microphone}`)
    if (camera) return t(`call.trouble.camera.${camera}`)
    return screen && t('call.trouble.screen')
  })
}
