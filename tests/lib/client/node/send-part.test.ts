import { randomBytes } from 'node:crypto'
import { open, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSender } from '../../../../lib/client/node/send-part.ts'
import { closeServer, listen } from '../../../local/listen.ts'
import { temporaryFolder } from '../../../local/temporary.ts'

const KIB = 1024
const LENGTH = 2 * 1024 * KIB

test('the first pieces of a part are small, so that a slow connection shows at once what it carries', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'part')
  await writeFile(path, randomBytes(LENGTH))
  const file = await open(path)
  const server = createServer((incoming, outgoing) => {
    incoming.resume().once('end', () => outgoing.end())
  })
  const sender = createSender(1)
  const told: number[] = []
  const answer = await sender.put({
    url: `http://127.0.0.1:${await listen(server)}/`,
    headers: {},
    fd: file.fd,
    offset: 0,
    length: LENGTH,
    signal: new AbortController().signal,
    onSent: (bytes) => told.push(bytes),
  })
  sender.close()
  await closeServer(server)
  await file.close()
  await rm(folder, { recursive: true })

  expect(answer.status).toBe(200)
  expect(told[0]).toBeLessThanOrEqual(16 * KIB)
  const pieces = told.map((bytes, at) => ({ before: told[at - 1] ?? 0, bytes }))
  for (const { before, bytes } of pieces)
    expect(bytes - before).toBeLessThanOrEqual(Math.max(16 * KIB, before / 8))
  expect(told.at(-1)).toBe(LENGTH)
})
