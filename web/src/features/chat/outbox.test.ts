import { describe, expect, it } from 'vitest'
import { bodyOf, draftOf, sayable } from '@/features/content'
import { nextToSend, pieces, toUpload, type OutboxItem } from './outbox'

const text = (id: string, over: Partial<OutboxItem> = {}): OutboxItem => ({
  clientMsgId: id,
  conversationId: 'c',
  at: 0,
  content: { kind: 'text', text: id },
  ...over,
})
const image = (id: string, fileId?: string): OutboxItem => ({
  clientMsgId: id,
  conversationId: 'c',
  at: 0,
  content: {
    kind: 'image',
    file: new Blob(['x']),
    name: 'a.png',
    size: 1,
    mime: 'image/png',
    width: 3,
    height: 2,
    fileId,
  },
})

const MAX = 8000

describe('the next to send', () => {
  it('is the oldest', () => expect(nextToSend([text('1'), text('2')], 'c')?.clientMsgId).toBe('1'))
  it('is not one of another conversation', () =>
    expect(nextToSend([text('1', { conversationId: 'd' })], 'c')).toBeUndefined())
  it('is not one that was refused', () => {
    expect(nextToSend([text('1', { failure: { code: 'denied', message: '' } }), text('2')], 'c')?.clientMsgId).toBe('2')
  })
  it('does not wait for an upload', () => expect(nextToSend([image('1'), text('2')], 'c')?.clientMsgId).toBe('2'))
  it('is no attachment before an earlier one, whichever upload is done first', () => {
    expect(nextToSend([image('1'), image('2', 'f'), image('3', 'g')], 'c')).toBeUndefined()
    expect(nextToSend([image('1', 'e'), image('2', 'f'), image('3')], 'c')?.clientMsgId).toBe('1')
  })
  it('is an attachment whose predecessor was refused', () => {
    expect(
      nextToSend([{ ...image('1'), failure: { code: 'too_large', message: '' } }, image('2', 'f')], 'c')?.clientMsgId,
    ).toBe('2')
  })
  it('is not what was sent together with a file that is on its way, nor words after it', () => {
    const together = [{ ...image('1'), batch: 'b' }, text('2', { batch: 'b' }), text('3')]
    expect(nextToSend(together, 'c')).toBeUndefined()
    expect(nextToSend([{ ...image('1', 'f'), batch: 'b' }, ...together.slice(1)], 'c')?.clientMsgId).toBe('1')
  })
  it('is an attachment once it is uploaded', () =>
    expect(nextToSend([image('1', 'f'), text('2')], 'c')?.clientMsgId).toBe('1'))
})

it('only attachments without their bytes there are to upload', () => {
  expect(toUpload([image('1'), image('2', 'f'), text('3')]).map(i => i.clientMsgId)).toEqual(['1'])
})

it('says the file and shows the rest', () => {
  const { content } = image('1', 'f')
  expect(draftOf(content)).toEqual({ type: 'image', file_id: 'f' })
  expect(bodyOf(content)).toEqual({
    type: 'image',
    file_id: 'f',
    name: 'a.png',
    size: 1,
    mime: 'image/png',
    width: 3,
    height: 2,
  })
})

describe('a long text', () => {
  it('is cut within the limit and loses no word', () => {
    const words = Array.from({ length: 4000 }, (_, i) => `word${i}`)
    const cut = pieces(words.join(' '), MAX)
    expect(cut.length).toBeGreaterThan(1)
    expect(cut.every(piece => [...piece].length <= MAX)).toBe(true)
    expect(cut.join(' ').split(' ')).toEqual(words)
  })
  it('without spaces is cut between characters, never within one', () => {
    expect(pieces('😀'.repeat(MAX + 1), MAX).map(piece => [...piece].length)).toEqual([MAX, 1])
  })
  it('of nothing is nothing', () => expect(pieces(' \n ')).toEqual([]))
})

it('says half a surrogate as a character that everybody can read, in words and in names', () => {
  expect(sayable({ kind: 'text', text: 'a\ud83d' })).toEqual({ kind: 'text', text: 'a\ufffd' })
  expect(sayable({ ...image('1').content, name: '\ude00.png', caption: '\ud83d' } as never)).toMatchObject({
    name: '\ufffd.png',
    caption: '\ufffd',
  })
})
