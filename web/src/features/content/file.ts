import { bodyOfFile, draftOfFile, sayableFile, type Attachment } from './attachment'
import FileView from './FileView.vue'
import type { BodyOf, Kind, Sending } from './kind'

interface FileContent extends Attachment {
  readonly kind: 'file'
}

export const file: Kind<BodyOf<'file'>> & { sending: Sending<FileContent> } = {
  said: true,
  view: FileView,
  words: body => body.caption,
  file: body => ({ id: body.file_id, name: body.name }),
  preview: (body, { t }) => t('conversations.file', { name: body.name }),
  sending: {
    draft: content => draftOfFile('file', content),
    body: content => ({ type: 'file', ...bodyOfFile(content) }),
    sayable: sayableFile,
  },
}
