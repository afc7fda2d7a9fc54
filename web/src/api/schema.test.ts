import { readFileSync } from 'node:fs'
import openapiTypescript, { astToString } from 'openapi-typescript'
import { expect, it } from 'vitest'

const file = (path: string) => new URL(path, import.meta.url)

it('schema.ts is what `npm run generate` makes of openapi.json', async () => {
  const made = astToString(await openapiTypescript(JSON.parse(readFileSync(file('../../openapi.json'), 'utf8'))))
  const committed = readFileSync(file('./schema.ts'), 'utf8')
  expect(committed.endsWith(made), 'stale: run `npm run generate` and commit the result').toBe(true)
})
