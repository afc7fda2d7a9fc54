import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

/** Who may import whom, read from the imports: statements of types and imports on demand count like any other. */

/**
 * The floors, lowest first. A file names its own folder and the floors below; a feature names another by its index
 * alone. Pages are where features meet. What lies beside `main.ts` ties everything together.
 */
const FLOORS = [['api'], ['ui'], ['shared'], ['features'], ['layout', 'pages'], ['']]

const root = dirname(fileURLToPath(import.meta.url))
const code = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => /\.(ts|vue)$/.test(path) && !path.endsWith('.d.ts'))
const known = new Set(code)
const text = new Map(code.map(path => [path, readFileSync(join(root, path), 'utf8')]))
const product = code.filter(path => !path.endsWith('.test.ts'))

function resolved(from: string, specifier: string): string | undefined {
  const path = specifier.startsWith('@/') ? specifier.slice(2) : posix.join(posix.dirname(from), specifier)
  return [path, `${path}.ts`, `${path}.vue`, `${path}/index.ts`].find(one => known.has(one))
}

function importsOf(path: string): string[] {
  const specifiers = text.get(path)!.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'((?:@\/|\.)[^']+)'/g)
  return [...specifiers].flatMap(([, specifier]) => resolved(path, specifier!) ?? [])
}

const imports = product.flatMap(from => importsOf(from).map((to): [string, string] => [from, to]))

const top = (path: string) => (path.includes('/') ? path.split('/')[0]! : '')
const floor = (path: string) => FLOORS.findIndex(folders => folders.includes(top(path)))
const feature = (path: string) => (top(path) === 'features' ? path.split('/')[1] : undefined)
/** A feature is one thing to the others, and so is a folder of the other floors. */
const part = (path: string) => (feature(path) ? `features/${feature(path)}` : top(path))

/** The first circle of the graph, as the way round it. */
function circle(edges: readonly [string, string][]): string | undefined {
  const after = new Map<string, Set<string>>()
  for (const [from, to] of edges) if (from !== to) after.set(from, (after.get(from) ?? new Set()).add(to))
  const done = new Set<string>()
  function walk(node: string, way: string[]): string | undefined {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node].join(' -> ')
    if (done.has(node)) return undefined
    for (const next of after.get(node) ?? []) {
      const found = walk(next, [...way, node])
      if (found) return found
    }
    done.add(node)
    return undefined
  }
  for (const node of after.keys()) {
    const found = walk(node, [])
    if (found) return found
  }
  return undefined
}

it('every folder has a floor', () => {
  expect(code.filter(path => floor(path) < 0)).toEqual([])
})

it('imports go downwards', () => {
  const upwards = imports.filter(([from, to]) => {
    const besides = floor(to) === floor(from) && part(to) !== part(from) && top(from) !== 'features'
    return floor(to) > floor(from) || (besides && FLOORS[floor(from)]!.length > 1)
  })
  expect(upwards.map(way => way.join(' -> '))).toEqual([])
})

it('a feature names another by its index', () => {
  const inside = imports.filter(([from, to]) => {
    const other = feature(from) && feature(to) && feature(to) !== feature(from)
    return other && to !== `features/${feature(to)}/index.ts`
  })
  expect(inside.map(way => way.join(' -> '))).toEqual([])
})

it('there are no circles of files, of folders or of features', () => {
  const raised = (name: (path: string) => string) =>
    imports.map(([from, to]): [string, string] => [name(from), name(to)])
  expect(circle(imports)).toBeUndefined()
  expect(circle(raised(posix.dirname))).toBeUndefined()
  expect(circle(raised(part))).toBeUndefined()
})

it('whatever is exported is used elsewhere', () => {
  const written = product.filter(path => path !== 'api/schema.ts')
  const unused = written.flatMap(path => {
    const names = [...text.get(path)!.matchAll(/^export (?:async )?(?:const|function|class|type|interface) (\w+)/gm)]
    const others = [...text].filter(([other]) => other !== path).map(([, its]) => its)
    return names
      .filter(([, name]) => !others.some(its => new RegExp(`\\b${name}\\b`).test(its)))
      .map(([, name]) => `${path}: ${name}`)
  })
  expect(unused).toEqual([])
})

it('finds imports in all their spellings, and circles', () => {
  expect(importsOf('main.ts')).toEqual(expect.arrayContaining(['App.vue', 'words.ts', 'api/index.ts']))
  expect(importsOf('router.ts')).toContain('features/call/CallPage.vue')
  expect(
    circle([
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ]),
  ).toBe('a -> b -> c -> a')
})

it('nobody but the registry of content asks what kind a message is', () => {
  // The timeline joins a message with its own recall; the viewer knows pictures alone.
  const exempt = ['features/chat/timeline.ts', 'features/chat/viewer.ts']
  const others = product.filter(path => feature(path) !== 'content' && !exempt.includes(path))
  const asks = /\bbody\.type [!=]==|\(body\.type\)|content\.kind [!=]==|'text', 'image'/
  expect(others.filter(path => asks.test(text.get(path)!))).toEqual([])
})
