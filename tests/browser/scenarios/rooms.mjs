import assert from 'node:assert/strict'
import { launchOwn, noFirefox } from '../browsers.mjs'
import { Guest } from '../guest.mjs'
import { Peer } from '../peer.mjs'
import { scenario } from '../stage.mjs'

const skip = noFirefox()

/** Everybody in the room sees and hears everybody else. */
async function allMeet(...people) {
  await Promise.all(people.map(person => person.meets(...people.filter(other => other !== person))))
}

for (const dual of [false, true]) {
  scenario(`Two people in a room, over ${dual ? 'two connections' : 'one connection'} each`, async stage => {
    const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
    await ann.enters(stage, { dual })
    await ben.enters(stage, { dual })
    await allMeet(ann, ben)

    await ann.says('hello')
    await ben.reads('ann reliable: hello')
    await ben.says('quickly', { reliable: false })
    await ann.reads('ben lossy: quickly')
    for (const length of [15_000, 60_000]) {
      await Promise.all([ann.says('a'.repeat(length)), ben.says('b'.repeat(length))])
      await Promise.all([ann.reads(`ben reliable: ${'b'.repeat(length)}`), ben.reads(`ann reliable: ${'a'.repeat(length)}`)])
    }

    await ann.mutes('microphone', true)
    await ben.notices('trackMuted microphone ann')
    await ann.mutes('microphone', false)
    await ben.notices('trackUnmuted microphone ann')
    await ben.hears(ann)

    await ann.unpublishes('camera')
    await ben.element(ann).waitFor({ state: 'detached' })
    await ann.publishes({ audio: false })
    await ben.watches(ann)
    for (let times = 0; times < 3; times++) {
      await ann.unpublishes('camera')
      await ann.publishes({ audio: false })
    }
    await ben.watches(ann)

    await ben.subscribes(ann, 'camera', false)
    await ben.element(ann).waitFor({ state: 'detached' })
    await ben.subscribes(ann, 'camera', true)
    await ben.watches(ann)

    await ann.leaves()
    await ben.notices('participantDisconnected ann')
    await ben.element(ann).waitFor({ state: 'detached' })
  })
}

scenario('One connection and two meet in a room, and a newcomer takes the place of somebody who left', async stage => {
  const [ann, ben, cleo, dan] = await Promise.all(['ann', 'ben', 'cleo', 'dan'].map(name => Guest.arrive(stage, name)))
  await ann.enters(stage, { dual: true })
  await ben.enters(stage)
  await cleo.enters(stage, { publish: false })
  await Promise.all([allMeet(ann, ben), cleo.meets(ann, ben)])
  await ben.leaves()
  await ann.notices('participantDisconnected ben')
  await dan.enters(stage)
  await Promise.all([allMeet(ann, dan), cleo.meets(ann, dan)])
})

for (const dual of [false, true]) {
  scenario(`Firefox and Chromium in a room, over ${dual ? 'two connections' : 'one connection'} each`, async stage => {
    const [fox, ann] = await Promise.all([Guest.arrive(stage, 'fox', { kind: 'firefox' }), Guest.arrive(stage, 'ann')])
    await fox.enters(stage, { dual, publish: { simulcast: true } })
    await ann.enters(stage, { dual, publish: { simulcast: true } })
    await allMeet(fox, ann)
    await fox.says('hello')
    await ann.reads('fox reliable: hello')
    await ann.says('hello')
    await fox.reads('ann reliable: hello')
    await fox.unpublishes('camera')
    await ann.element(fox).waitFor({ state: 'detached' })
    await fox.publishes({ audio: false })
    await ann.watches(fox)
    await fox.subscribes(ann, 'camera', false)
    await fox.element(ann).waitFor({ state: 'detached' })
    await fox.subscribes(ann, 'camera', true)
    await fox.watches(ann)
    await ann.leaves()
    await fox.element(ann).waitFor({ state: 'detached' })
  }, { skip })
}

scenario('Whatever codec a browser has is seen', async stage => {
  const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
  await ann.enters(stage, { publish: false })
  await ben.enters(stage, { publish: false })
  for (const codec of ['vp9', 'av1', 'h264']) {
    if (!await ann.canSend(codec)) continue
    await ann.publishes({ audio: false, codec })
    await ben.watches(ann)
    assert.equal((await ben.received(ann, 'camera')).codec, `video/${codec}`)
    await ann.unpublishes('camera')
  }
})

scenario('Layers are switched by wish and by the size of the tile, without a stall', async stage => {
  const [ann, ben, cleo] = await Promise.all(['ann', 'ben', 'cleo'].map(name => Guest.arrive(stage, name)))
  await ann.enters(stage, { publish: { layers: 3 } })
  await ben.enters(stage, { publish: false })
  await cleo.enters(stage, { publish: false, adaptive: true, dual: true })
  await Promise.all([ben.watches(ann), cleo.watches(ann)])

  const WIDTHS = { LOW: 320, MEDIUM: 640, HIGH: 960 }
  for (const quality of ['LOW', 'MEDIUM', 'HIGH', 'LOW', 'HIGH', 'MEDIUM']) {
    await ben.wishes(ann, quality)
    await ben.seesSize(ann, WIDTHS[quality])
    const before = await ben.received(ann, 'camera')
    await ben.watches(ann, { frames: 30 })
    const after = await ben.received(ann, 'camera')
    assert.ok(after.plis - before.plis <= 1, `asked for keyframes after the switch to ${quality}: ${before.plis} -> ${after.plis}`)
  }

  const tile = cleo.element(ann)
  for (const [size, width] of [['80px', 320], ['960px', 960], ['80px', 320]]) {
    await tile.evaluate((element, size) => Object.assign(element.style, { width: size, height: 'auto' }), size)
    await cleo.seesSize(ann, width)
    await cleo.watches(ann)
  }
})

scenario('A broken signalling socket costs no more than half a second of sound', async stage => {
  const wire = await stage.wire()
  const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
  await ann.enters(stage, { wire })
  await ben.enters(stage)
  await allMeet(ann, ben)
  await Promise.all([ann.forgets(), ben.forgets()])

  const sound = async () => [await ann.received(ben, 'microphone'), await ben.received(ann, 'microphone')]
  const before = await sound()
  wire.cut()
  await ann.notices('signalReconnecting')
  wire.mend()
  await ann.notices('reconnected')
  await allMeet(ann, ben)
  const after = await sound()
  for (const [n, name] of ['ann', 'ben'].entries()) {
    const lost = (after[n].concealed - before[n].concealed) / 48_000
    assert.ok(lost <= 0.5, `${name} lost ${lost} s of sound`)
  }

  // Who was away has missed nothing, and was missed by nobody.
  const noticed = await ben.page.evaluate(() => guest.events)
  assert.ok(!noticed.includes('participantDisconnected ann'), String(noticed))
  await ben.says('still there?')
  await ann.reads('ben reliable: still there?')
  await ann.unpublishes('camera')
  await ben.element(ann).waitFor({ state: 'detached' })
})

for (const dual of [false, true]) {
  scenario(`Somebody comes back anew over ${dual ? 'two connections' : 'one connection'}, and is the same to the others`, async stage => {
    const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
    await ann.enters(stage, { dual })
    await ben.enters(stage, { dual })
    await allMeet(ann, ben)
    await ann.suffers('signal-reconnect')
    await ann.notices('reconnected')
    await allMeet(ann, ben)
    await ann.forgets()
    await ann.suffers('full-reconnect')
    await ann.notices('reconnected')
    await allMeet(ann, ben)
  })
}

scenario('Who vanishes without a word is gone for the others within 30 seconds', async stage => {
  const own = await launchOwn()
  try {
    const [ann, ben] = await Promise.all(['ann', 'ben'].map(name => Guest.arrive(stage, name)))
    const cleo = await Guest.arrive(stage, 'cleo', { own: own.browser })
    await cleo.enters(stage)
    await ann.enters(stage)
    await ben.enters(stage)
    await Promise.all([allMeet(ann, ben), ann.meets(cleo)])
    own.freeze()
    const frozen = Date.now()
    await Promise.all([ann, ben].map(guest => guest.notices('participantDisconnected cleo', 30_000)))
    assert.ok(Date.now() - frozen < 30_000)
    await allMeet(ann, ben)
  } finally {
    own.kill()
  }
})

for (const mode of ['single', 'dual']) {
  scenario(`LiveKit's SDK for Node meets Chromium, mode ${mode}`, async stage => {
    const ann = await Guest.arrive(stage, 'ann')
    await ann.enters(stage, { publish: { simulcast: true } })
    const peer = await Peer.enter(stage, 'node', mode)
    try {
      await Promise.all([ann.meets(peer), peer.meets(ann)])
      await ann.reads('node reliable: hello from a native client')
      await ann.says('hello from a browser')
      await peer.reads('hello from a browser', 'ann')
    } finally {
      await peer.leaves()
    }
    await ann.notices('participantDisconnected node')
  })
}
