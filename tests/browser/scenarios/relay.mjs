import assert from 'node:assert/strict'
import { noFirefox } from '../browsers.mjs'
import { Attendee, pairs } from '../groupcall.mjs'
import { scenario } from '../stage.mjs'

/** A relay at every door, which is told to people as it would be anywhere. */
const settings = {
  BECKON_TURN__UDP: '127.0.0.1:0',
  BECKON_TURN__DEVELOPMENT_LOOPBACK: 'true',
  BECKON_TURN__TCP: '127.0.0.1:0',
  BECKON_HTTP__HTTPS_LISTEN: '127.0.0.1:0',
}
const withFirefox = { settings, skip: noFirefox() }

for (const [way, name] of [['udp', 'UDP'], ['tcp', 'TCP'], ['tls', 'TLS on the port of HTTPS']]) {
  scenario(`A call decodes through the relay alone, over ${name}`, async stage => {
    await talk(await Promise.all(['alice', 'bob'].map(person => behindFirewall(stage, person, way))), way)
  }, { settings })

  scenario(`A group call decodes through the relay alone, over ${name}`, async stage => {
    await meet(await Promise.all(['alice', 'bob', 'carol'].map(person => behindFirewall(stage, person, way))), way)
  }, { settings })
}

scenario('Firefox and Chromium reach each other through the relay alone', async stage => {
  await talk(await withFox(stage), 'udp')
}, withFirefox)

scenario('Firefox and Chromium meet in a group call through the relay alone', async stage => {
  await meet(await withFox(stage), 'udp')
}, withFirefox)

async function talk([alice, bob], way) {
  const id = await alice.befriend(bob)
  await Promise.all([alice.enter(id), bob.enter(id)])
  await alice.call.calls('video')
  await bob.call.accepts()
  for (const { call } of [alice, bob]) await call.isIn('live')
  await Promise.all([alice, bob].map(({ call }) => call.watches('call-remote-video')))
  await Promise.all([alice, bob].map(({ call }) => call.hearsAndSees()))
  await relayed([alice, bob], way)
  await alice.call.hangsUp()
}

async function meet(people, way) {
  const attendees = await Attendee.inGroup(...people)
  const [first, ...others] = attendees
  await first.starts()
  for (const other of others) await other.joins()
  await Promise.all(pairs(attendees).map(([from, to]) => Promise.all([from.watches(to), from.hears(to)])))
  await relayed(people, way)
  for (const attendee of attendees) await attendee.leaves()
}

function withFox(stage) {
  return Promise.all([behindFirewall(stage, 'alice', 'udp'), behindFirewall(stage, 'fox', 'udp', 'firefox')])
}

/** Somebody whose browser has no other way than the relay, and none to the relay but one. */
async function behindFirewall(stage, name, way, kind = 'chromium') {
  const person = await stage.stranger(name, { kind })
  await person.context.addInitScript(relayOnly, way)
  await person.register()
  await person.open('/c')
  await person.online()
  return person
}

/** Every connection that stands leaves from an address of the relay, which it reaches in this way. */
async function relayed(people, way) {
  for (const { name, call } of people) {
    const paths = await call.paths()
    assert.ok(paths.length > 0 && paths.every(path => path === `relay/${way}`), `${name} goes by ${paths}`)
  }
}

/** Runs in the page. */
function relayOnly(way) {
  const allowed = { udp: /^turn:.*transport=udp$/, tcp: /^turn:.*transport=tcp$/, tls: /^turns:/ }[way]
  const strict = config => ({
    ...config,
    iceTransportPolicy: 'relay',
    iceServers: config.iceServers
      ?.map(server => ({ ...server, urls: [server.urls].flat().filter(url => allowed.test(url)) }))
      .filter(({ urls }) => urls.length > 0),
  })
  const Real = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Real {
    constructor(config = {}) {
      super(strict(config))
    }

    setConfiguration(config) {
      super.setConfiguration(strict(config))
    }
  }
}
