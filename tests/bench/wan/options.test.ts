import { expect, test } from 'vitest'
import { parseLink } from './link.ts'
import { readOptions } from './options.ts'
import { SCENARIOS, scenariosNamed } from './scenarios.ts'
import { wayNamed } from './ways.ts'

test('without words everything is measured, five times', () => {
  expect(readOptions([])).toMatchObject({ act: 'measure', scenarios: [], ways: [], runs: 5 })
})

test('names are lists', () => {
  const { scenarios, ways } = readOptions(['--scenario', 'near,small', '--ways', 'ours'])
  expect({ scenarios, ways }).toEqual({ scenarios: ['near', 'small'], ways: ['ours'] })
})

test.each([[['report']], [['fly']], [['--runs', '0']], [['--runs', 'x']], [['--what']]])(
  '%j is refused',
  (words) => {
    expect(() => readOptions(words)).toThrow()
  },
)

test('every scenario has a link and ways that exist', () => {
  for (const { link, ways } of SCENARIOS) {
    parseLink(link)
    for (const name of ways) wayNamed(name)
  }
})

test('an unknown name is answered with the known ones', () => {
  expect(() => scenariosNamed(['nowhere'])).toThrow('headline')
  expect(() => wayNamed('pigeon')).toThrow('rclone16')
})

test('scenarios of a sweep are run only by name', () => {
  expect(scenariosNamed([]).map(({ name }) => name)).not.toContain('loss-0.1')
  expect(scenariosNamed(['loss-0.1'])).toHaveLength(1)
})
