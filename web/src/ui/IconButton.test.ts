// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import IconButton from './IconButton.vue'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  document.body.innerHTML = ''
  vi.useRealTimers()
})

/** A pointer comes over the button, as browsers tell of a mouse and of a tap: both enter, only a mouse ever leaves. */
async function pointAt(pointerType: 'mouse' | 'touch'): Promise<string> {
  const wrapper = mount(IconButton, { props: { label: 'Emoji' }, attachTo: document.body })
  document.dispatchEvent(Object.assign(new Event('pointerdown'), { pointerType }))
  await wrapper.get('button').trigger('mouseenter')
  await vi.advanceTimersByTimeAsync(1000)
  return document.querySelector('[role=tooltip]')?.textContent ?? ''
}

it('tells its label to a mouse', async () => expect(await pointAt('mouse')).toContain('Emoji'))
it('tells it to no finger, which could not make it go away again', async () => expect(await pointAt('touch')).toBe(''))
