/**
 * How long somebody who comes into a room sees nothing: npm run first-frame -- [rounds]
 *
 * To the first frame that a page decodes, of a camera that is there already: from when the page is started, and from when
 * its script is, which is after a megabyte of livekit-client was read. A line of JSON for each browser and kind of connection.
 */
import { browser, closeBrowsers, CONTEXT_OPTIONS, find } from './browsers.mjs'
import { Guest, hall } from './guest.mjs'
import { Server } from './server.mjs'
import { Stage } from './stage.mjs'

const rounds = Number(process.argv[2] ?? 15)

const stage = new Stage()
try {
  stage.server = await Server.start()
  const ann = await Guest.arrive(stage, 'ann')
  await ann.enters(stage)
  for (const kind of ['chromium', 'firefox'].filter(find)) {
    for (const dual of [false, true]) console.log(JSON.stringify(await measure(kind, dual)))
  }
} finally {
  await stage.close()
  await closeBrowsers()
}

async function measure(kind, dual) {
  const took = []
  // the first is for the browser to warm up
  for (let round = 0; round <= rounds; round++) took.push(await once(kind, dual))
  const page = took.slice(1).map(times => times.frame)
  const script = took.slice(1).map(times => times.frame - times.script)
  return { browser: kind, connections: dual ? 2 : 1, rounds, page_to_frame_ms_median: median(page), script_to_frame_ms_median: median(script) }
}

function median(numbers) {
  return Math.round(numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)])
}

async function once(kind, dual) {
  const context = await (await browser(kind)).newContext(CONTEXT_OPTIONS[kind])
  try {
    const page = await context.newPage()
    const door = { url: stage.server.url.replace('http', 'ws'), token: await stage.server.token('hall', 'ben'), dual }
    await page.goto(`${await hall()}first-frame.html#${encodeURIComponent(JSON.stringify(door))}`)
    return await page.evaluate(() => firstFrame)
  } finally {
    await context.close()
  }
}
