// Fails the build when what a first visit loads grows past its budget, as a browser gets it: brotli.
import { readFileSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'

const BUDGET_BYTES = 200 * 1024

const dist = new URL('../dist/', import.meta.url)
const html = readFileSync(new URL('index.html', dist), 'utf8')
const files = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map(match => match[1])
const sizes = files.map(file => [file, brotliCompressSync(readFileSync(new URL(file, dist))).length])
const total = sizes.reduce((sum, [, size]) => sum + size, 0)

console.log(`first load: ${(total / 1024).toFixed(0)} KiB brotli of ${BUDGET_BYTES / 1024}`)
if (total > BUDGET_BYTES) {
  for (const [file, size] of sizes) console.error(`  ${(size / 1024).toFixed(1)} KiB  ${file}`)
  process.exit(1)
}
