import { bodyOfFile, draftOfFile, sayableFile, type Attachment } from './attachment'
import ImageView from './ImageView.vue'
import type { BodyOf, Kind, Sending } from './kind'

interface ImageContent extends Attachment {
  readonly kind: 'image'
  readonly width: number
  readonly height: number
}

export const image: Kind<BodyOf<'image'>> & { sending: Sending<ImageContent> } = {
  said: true,
  view: ImageView,
  bare: true,
  pictured: true,
  words: body => body.caption,
  file: body => ({ id: body.file_id, name: body.name }),
  preview: (body, { t }) => body.caption ?? t('conversations.image'),
  press: (_, acts) => acts.view(),
  sending: {
    draft: content => draftOfFile('image', content),
    body: content => ({ type: 'image', ...bodyOfFile(content), width: content.width, height: content.height }),
    sayable: sayableFile,
  },
}
