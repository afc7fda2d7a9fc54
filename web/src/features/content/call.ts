import CallView from './CallView.vue'
import { callWords } from './callWords'
import type { BodyOf, Kind } from './kind'

export const call: Kind<BodyOf<'call'>> = {
  view: CallView,
  preview: callWords,
  press: ({ media }, acts) => acts.call(media === 'voice' ? 'voice' : 'video'),
}
