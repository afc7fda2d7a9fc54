import { describe, expect, it } from 'vitest'
import { bodyOf, draftOf, nextToSend, pieces, TEXT_MAX, toUpload, type OutboxItem } from './outbox'

const text = (id: string, over: Partial<OutboxItem> = {}): OutboxItem =>
  ({ clientMsgId: id, conversationId: 'c', at: 0, content: { kind: 'text', text: id }, ...over })
const image = (id: string, fileId?: string): OutboxItem => ({
  clientMsgId: id, conversationId: 'c', at: 0,
  content: { kind: 'image', file: new Blob(['x']), name: 'a.png', size: 1, mime: 'image/png', width: 3, height: 2, fileId },
})

describe('the next to send', () => {
  it('is the oldest', () => expect(nextToSend([text('1'), text('2')], 'c')?.clientMsgId).toBe('1'))
  it('is not one of another conversation', () => expect(nextToSend([text('1', { conversationId: 'd' })], 'c')).toBeUndefined())
  it('is not one that was refused', () => {
    expect(nextToSend([text('1', { failure: { code: 'denied', message: '' } }), text('2')], 'c')?.clientMsgId).toBe('2')
  })
  it('does not wait for an upload', () => expect(nextToSend([image('1'), text('2')], 'c')?.clientMsgId).toBe('2'))
  it('is an attachment once it is uploaded', () => expect(nextToSend([image('1', 'f'), text('2')], 'c')?.clientMsgId).toBe('1'))
})

it('only attachments without their bytes there are to upload', () => {
  expect(toUpload([image('1'), image('2', 'f'), text('3')]).map(i => i.clientMsgId)).toEqual(['1'])
})

it('says the file and shows the rest', () => {
  const { content } = image('1', 'f')
  expect(draftOf(content)).toEqual({ type: 'image', file_id: 'f' })
  expect(bodyOf(content)).toEqual({ type: 'image', file_id: 'f', name: 'a.png', size: 1, mime: 'image/png', width: 3, height: 2 })
})

describe('a long text', () => {
  it('is cut within the limit and loses no word', () => {
    const words = Array.from({ length: 4000 }, (_, i) => `word${i}`)
    const cut = pieces(words.join(' '))
    expect(cut.length).toBeGreaterThan(1)
    expect(cut.every(piece => [...piece].length <= TEXT_MAX)).toBe(true)
    expect(cut.join(' ').split(' ')).toEqual(words)
  })
  it('without spaces is cut between characters, never within one', () => {
    expect(pieces('😀'.repeat(TEXT_MAX + 1)).map(piece => [...piece].length)).toEqual([TEXT_MAX, 1])
  })
  it('of nothing is nothing', () => expect(pieces(' \n ')).toEqual([]))
})
