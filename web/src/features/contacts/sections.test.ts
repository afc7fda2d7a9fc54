import { expect, it } from 'vitest'
import type { Contact } from '@/api'
import { sections } from './sections'

const contact = (id: string, nickname: string): Contact => ({
  user: { id, name: id, nickname, relation: 'contact' },
  deleted: false,
  ver: 1,
  presence: { user_id: id, state: 'offline' },
})

const people = [contact('zhang', '张伟'), contact('bob', 'Bob'), contact('wang', '王小红'), contact('amy', 'Amy')]
const names = (list: { name: string }[]) => list.map(one => one.name)

it('puts who is here first, each group by name', () => {
  const { here, others } = sections(
    people,
    '',
    () => '',
    id => (id === 'bob' || id === 'wang' ? 'away' : undefined),
    'en',
  )
  expect(names(here)).toEqual(['Bob', '王小红'])
  expect(names(others)[0]).toBe('Amy')
})

it('sorts Chinese names by their sound', () => {
  expect(
    names(
      sections(
        [people[0]!, people[2]!],
        '',
        () => '',
        () => undefined,
        'zh',
      ).others,
    ),
  ).toEqual(['王小红', '张伟'])
})

it('finds by remark, nickname and user name', () => {
  const nameOf = (id: string) => (id === 'bob' ? 'Neighbour' : '')
  const find = (query: string) => names(sections(people, query, nameOf, () => undefined, 'en').others)
  expect(find('neigh')).toEqual(['Neighbour'])
  expect(find('BOB')).toEqual(['Neighbour'])
  expect(find('小红')).toEqual(['王小红'])
  expect(find('nobody')).toEqual([])
})
