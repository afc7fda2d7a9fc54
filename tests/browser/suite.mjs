/** Runs every scenario, or the files named: npm test -- chat calls */
import { after } from 'node:test'
import { closeBrowsers } from './browsers.mjs'

const FILES = ['account', 'leaving', 'limits', 'chat', 'reading', 'ease', 'groups', 'files', 'calls', 'groupcalls', 'looks', 'firefox', 'rooms', 'codecs', 'relay', 'dev']

const chosen = process.argv.slice(2)
const unknown = chosen.filter(name => !FILES.includes(name))
if (unknown.length) throw new Error(`no such scenarios: ${unknown.join(', ')}; there are ${FILES.join(', ')}`)

after(closeBrowsers)
for (const name of FILES) {
  if (!chosen.length || chosen.includes(name)) await import(`./scenarios/${name}.mjs`)
}
