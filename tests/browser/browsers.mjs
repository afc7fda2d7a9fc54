import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, firefox } from 'playwright-core'

/** Closing Firefox can hang; nobody waits longer. */
const CLOSE_MS = 5000

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // Nobody signed the certificate of the relay that a test starts.
  '--ignore-certificate-errors',
]

/** Fake devices without a question, and peer connections over loopback with true addresses. */
const FIREFOX_PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
}

const LAUNCH = {
  chromium: executablePath => chromium.launch({ executablePath, args: CHROMIUM_FLAGS }),
  // Debian's Firefox speaks WebDriver BiDi; this channel is Playwright's way to it.
  firefox: executablePath => firefox.launch({ channel: 'moz-firefox', executablePath, firefoxUserPrefs: FIREFOX_PREFS }),
}

const PROGRAMS = { chromium: ['chromium', 'chromium-browser', 'google-chrome'], firefox: ['firefox-esr'] }

/** Firefox's protocol has no word for these; asking for them fails. */
export const CONTEXT_OPTIONS = {
  chromium: {},
  firefox: { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null },
}

const running = new Map()

/** Why scenarios with Firefox are skipped, or false. Where nothing may be skipped, it has to be there. */
export function noFirefox() {
  if (find('firefox')) return false
  if (process.env.BECKON_TEST_REQUIRE === '1') throw new Error('no firefox-esr on the PATH')
  return 'firefox-esr is not installed'
}

/** Where a program is, or nothing. */
export function find(kind) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of PROGRAMS[kind]) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {}
    }
  }
  return undefined
}

/** The one process of a browser that all scenarios share. */
export function browser(kind = 'chromium') {
  const executable = find(kind)
  if (!executable) throw new Error(`no ${PROGRAMS[kind][0]} on the PATH`)
  if (!running.has(kind)) running.set(kind, LAUNCH[kind](executable))
  return running.get(kind)
}

/** A Chromium to itself, to be frozen with all its processes as if its network were cut, and killed. */
export async function launchOwn() {
  const executablePath = find('chromium')
  const server = await chromium.launchServer({ executablePath, args: CHROMIUM_FLAGS })
  const browser = await chromium.connect(server.wsEndpoint())
  // Playwright makes each browser the leader of a process group.
  const signal = name => process.kill(-server.process().pid, name)
  return { browser, freeze: () => signal('SIGSTOP'), kill: () => signal('SIGKILL') }
}

export async function closeBrowsers() {
  const all = await Promise.allSettled(running.values())
  running.clear()
  await Promise.all(all.map(({ value }) => value && within(value.close(), CLOSE_MS)))
}

/** Whatever becomes of a promise, or its time is up. */
export function within(promise, ms) {
  let timer
  const limit = new Promise(resolve => { timer = setTimeout(resolve, ms) })
  return Promise.race([promise.catch(() => {}), limit]).finally(() => clearTimeout(timer))
}
