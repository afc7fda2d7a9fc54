import { find } from '../browsers.mjs'
import { scenario } from '../stage.mjs'

scenario('A call decodes through the relay alone, over UDP', async stage => {
  await talkThroughRelay(stage)
}, { settings: { BECKON_TURN__UDP: '127.0.0.1:0' } })

scenario('A call decodes through the relay alone, over TCP', async stage => {
  await talkThroughRelay(stage)
}, { settings: { BECKON_TURN__TCP: '127.0.0.1:0' } })

scenario('Firefox and Chromium reach each other through the relay alone', async stage => {
  await talkThroughRelay(stage, 'firefox')
}, { settings: { BECKON_TURN__UDP: '127.0.0.1:0' }, skip: !find('firefox') })

async function talkThroughRelay(stage, kind = 'chromium') {
  const [alice, bob] = await Promise.all([behindFirewall(stage, 'alice'), behindFirewall(stage, 'bob', kind)])
  const id = await alice.befriend(bob)
  await Promise.all([alice.enter(id), bob.enter(id)])
  await alice.call.calls('video')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice, bob].map(({ call }) => call.watches('call-remote-video')))
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees()))
  await alice.call.hangsUp()
}

/** Somebody whose browser has no other way than the relay. */
async function behindFirewall(stage, name, kind = 'chromium') {
  const person = await stage.stranger(name, { kind })
  await person.context.addInitScript(relayOnly)
  await person.register()
  await person.open('/c')
  await person.online()
  return person
}

/** Runs in the page. */
function relayOnly() {
  const Real = window.RTCPeerConnection
  const strict = config => ({ ...config, iceTransportPolicy: 'relay' })
  window.RTCPeerConnection = class extends Real {
    constructor(config) {
      super(strict(config))
    }

    setConfiguration(config) {
      super.setConfiguration(strict(config))
    }
  }
}
