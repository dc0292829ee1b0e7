import { expect, test } from 'vitest'
import { configOf, limitSeconds, parseLink } from './link.ts'

test('a link is what its text says, in order', () => {
  expect(parseLink('300m,0.03,0.1,80,1500k,rate=4m;q=200k,loss=1')).toEqual({
    uplink: '300m',
    uplinkBitsPerSecond: 300e6,
    accessLossPercent: 0.03,
    farLossPercent: 0.1,
    rttMs: 80,
    queue: '1500k',
    thirdEdge: 'rate=4m q=200k',
    edgeToOrigin: 'loss=1',
  })
})

test('what is left out is a clean way of 165 ms with a queue of 1 MB', () => {
  const { accessLossPercent, farLossPercent, rttMs, queue } = parseLink('200m')
  expect({ accessLossPercent, farLossPercent, rttMs, queue }).toEqual({
    accessLossPercent: 0,
    farLossPercent: 0,
    rttMs: 165,
    queue: '1m',
  })
})

test.each(['', 'fast', '20x', '20m,much', '20m,-1'])('%j is no link', (text) => {
  expect(() => parseLink(text)).toThrow('is no link')
})

test('the far path loses what either loses, the near ones only what the access line does', () => {
  const lines = configOf(parseLink('200m,1,1'), { prefix: 'p-' }).split('\n')
  expect(lines).toContain('path client origin delay=82.5 jitter=0.5 loss=1.99')
  expect(lines).toContain('path client control delay=82.5 jitter=0.5 loss=1.99')
  expect(lines).toContain('path client edge1 delay=5 jitter=0.5 loss=1')
})

test('settings of the third edge stand on its path to the client alone', () => {
  const config = configOf(parseLink('200m,0,0,165,1m,rate=4m;q=200k'), { prefix: 'p-' })
  expect(config.split('\n').filter((line) => line.includes('rate=4m'))).toEqual([
    'path client edge3 delay=10 jitter=0.5 loss=0 rate=4m q=200k',
  ])
})

test('a way over a relay is 6 ms longer there and back than the straight one', () => {
  const config = configOf(parseLink('200m'), { prefix: 'p-' })
  expect(config).toContain('path edge1 origin delay=80.5\n')
})

test('no client beats the line: 100 MB take 2.76 s at 300 Mbit/s', () => {
  expect(limitSeconds(100e6, parseLink('300m'))).toBeCloseTo(2.763, 3)
})
