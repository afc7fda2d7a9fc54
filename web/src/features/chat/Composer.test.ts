// @vitest-environment happy-dom
import { mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import type { Conversation, Me } from '@/api'
import { useAccount } from '@/features/account'
import { i18n } from '@/shared/i18n'
import '@/words'
import { enterSends } from '@/shared/preferences'
import Composer from './Composer.vue'
import { useOutbox } from './outbox.store'

vi.mock('idb-keyval', () => ({
  createStore: () => ({}),
  set: async () => {},
  del: async () => {},
  values: async () => [],
  clear: async () => {},
}))

let composer: VueWrapper
let sent: string[]
beforeEach(() => {
  setActivePinia(createPinia())
  enterSends.value = true
  useAccount().me = { id: 'me' } as Me
  sent = []
  vi.spyOn(useOutbox(), 'add').mockImplementation((_, ...contents) =>
    contents.forEach(content => sent.push(content.kind === 'text' ? content.text : content.name)),
  )
  composer = mount(Composer, {
    props: { conversation: { id: crypto.randomUUID() } as Conversation },
    global: { plugins: [i18n] },
  })
})

const area = () => composer.get<HTMLTextAreaElement>('[data-test=composer]')
const write = (text: string) => area().setValue(text)

it('sends with Enter and is empty again', async () => {
  await write('hello')
  await area().trigger('keydown', { key: 'Enter' })
  expect(sent).toEqual(['hello'])
  expect(area().element.value).toBe('')
})

it('does not send with the Enter that ends the choice of a character', async () => {
  await write('nihao')
  await area().trigger('keydown', { key: 'Enter', isComposing: true })
  await area().trigger('keydown', { key: 'Enter', keyCode: 229 })
  expect(sent).toEqual([])
  expect(area().element.value).toBe('nihao')
})

it('breaks the line with Shift+Enter', async () => {
  await write('one')
  await area().trigger('keydown', { key: 'Enter', shiftKey: true })
  expect(sent).toEqual([])
})

it('sends with Ctrl+Enter when Enter is for new lines', async () => {
  enterSends.value = false
  await write('two\nlines')
  await area().trigger('keydown', { key: 'Enter' })
  expect(sent).toEqual([])
  await area().trigger('keydown', { key: 'Enter', ctrlKey: true })
  expect(sent).toEqual(['two\nlines'])
})

it('has nothing to send while there are only spaces', async () => {
  await write('  \n ')
  await area().trigger('keydown', { key: 'Enter' })
  expect(sent).toEqual([])
  expect(composer.get('[data-test=send]').attributes('disabled')).toBeDefined()
})

it('keeps begun words for the next time', async () => {
  await write('unfinished')
  const { conversation } = composer.props() as { conversation: Conversation }
  composer.unmount()
  const again = mount(Composer, { props: { conversation }, global: { plugins: [i18n] } })
  expect(again.get<HTMLTextAreaElement>('[data-test=composer]').element.value).toBe('unfinished')
})
