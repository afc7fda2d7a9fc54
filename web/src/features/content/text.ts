import { wellFormed } from '@/api/text'
import type { BodyOf, Kind, Sending } from './kind'

interface TextContent {
  readonly kind: 'text'
  readonly text: string
}

export const text: Kind<BodyOf<'text'>> & { sending: Sending<TextContent> } = {
  said: true,
  words: body => body.text,
  preview: body => body.text,
  sending: {
    draft: content => ({ type: 'text', text: content.text }),
    body: content => ({ type: 'text', text: content.text }),
    sayable: content => ({ ...content, text: wellFormed(content.text) }),
  },
}
