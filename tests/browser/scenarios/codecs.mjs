import assert from 'node:assert/strict'
import { Guest } from '../guest.mjs'
import { scenario } from '../stage.mjs'

/** One who will show themselves, and one who watches. */
async function pair(stage) {
  const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
  await ann.enters(stage, { publish: false })
  await ben.enters(stage, { publish: false })
  return [ann, ben]
}

for (const codec of ['vp9', 'av1']) {
  scenario(`Layers of SVC in ${codec}, as livekit-client sends it, play without a freeze`, async stage => {
    const [ann, ben] = await pair(stage)
    if (!await ann.canSend(codec)) return
    await ann.publishes({ audio: false, codec, layers: 3 })
    await ben.watches(ann)
    const sent = await ann.sending()
    assert.deepEqual(sent.map(stream => stream.scalabilityMode), ['L3T3_KEY'])
    await ben.seesSize(ann, 960)
    await ben.watchesSmoothly(ann)

    await ben.subscribes(ann, 'camera', false)
    await ben.element(ann).waitFor({ state: 'detached' })
    await ben.subscribes(ann, 'camera', true)
    await ben.watches(ann)
    await ben.watchesSmoothly(ann)
  })
}

for (const codec of ['vp9', 'av1', 'h264']) {
  scenario(`Layers of simulcast in ${codec} are switched by wish without a freeze`, async stage => {
    const [ann, ben] = await pair(stage)
    if (!await ann.canSend(codec)) return
    await ann.believes('1.14.0')
    await ann.publishes({ audio: false, codec, layers: 3, scalability: 'L1T3' })
    await ben.watches(ann)
    assert.equal((await ann.sending()).length, 3)
    for (const [quality, width] of [['LOW', 320], ['HIGH', 960], ['MEDIUM', 640], ['HIGH', 960], ['LOW', 320]]) {
      await ben.wishes(ann, quality)
      await ben.seesSize(ann, width)
      await ben.watchesSmoothly(ann, { frames: 30 })
    }
  })
}
