import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, expect, test } from 'vitest'
import {
  complete,
  listParts,
  md5,
  openUpload,
  outcome,
  PART_BYTES,
  plainOutcome,
  putObject,
  readObject,
  sendPart,
} from '../../contract/s3-calls.ts'
import { makeTarget, presign, send } from '../../contract/s3-target.ts'
import { type S3Options, startS3 } from './server.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const ACCESS = {
  accessKeyId: 'local',
  secretAccessKey: 'the-secret-of-this-test',
  region: 'us-east-1',
  bucket: 'jetty',
}
const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

test('objects and open uploads are there again after a SIGKILL', { timeout: 30_000 }, async () => {
  const dataDir = await newFolder()
  const first = await startProcess({ dataDir, ...ACCESS })
  const store = makeTarget({ endpoint: first.endpoint, ...ACCESS })
  const [body, last] = [randomBytes(PART_BYTES), Buffer.from('last')]
  await putObject(store, 'kept', 'whole')
  const uploadId = await openUpload(store, 'big', 'SHA256')
  const part1 = await sendPart(store, { key: 'big', uploadId, partNumber: 1, body, sha256: true })
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  const second = await startProcess({ dataDir, ...ACCESS })
  const again = makeTarget({ endpoint: second.endpoint, ...ACCESS })
  expect((await readObject(again, 'kept')).toString()).toBe('whole')
  expect(await listParts(again, 'big', uploadId)).toMatchObject([
    { PartNumber: 1, Size: PART_BYTES, ETag: part1.ETag, ChecksumSHA256: part1.ChecksumSHA256 },
  ])
  const part2 = await sendPart(again, {
    key: 'big',
    uploadId,
    partNumber: 2,
    body: last,
    sha256: true,
  })
  await again.client.send(complete(again, { key: 'big', uploadId }, [part1, part2]))
  expect(md5(await readObject(again, 'big'))).toBe(md5(Buffer.concat([body, last])))
  second.child.disconnect()
  await once(second.child, 'exit')
})

test('a journal line cut short by a crash is forgotten, another damage is named', async () => {
  const dataDir = await newFolder()
  const journal = join(dataDir, 'journal.jsonl')
  const first = await startS3({ dataDir, ...ACCESS })
  await putObject(makeTarget({ endpoint: first.endpoint, ...ACCESS }), 'kept', 'x')
  await first.stop()
  await appendFile(journal, '{"type":"object","buck')

  const second = await startS3({ dataDir, ...ACCESS })
  const store = makeTarget({ endpoint: second.endpoint, ...ACCESS })
  expect((await readObject(store, 'kept')).toString()).toBe('x')
  await second.stop()

  await writeFile(journal, 'not a journal\n')
  await expect(startS3({ dataDir, ...ACCESS })).rejects.toThrow(/is damaged .*line 1/)
})

test('replaced, deleted, aborted and half-received bytes leave no file behind', async () => {
  await withServer({}, async (store, dataDir) => {
    const blobs = () => readdir(join(dataDir, 'blobs'))
    await putObject(store, 'a', 'one')
    await putObject(store, 'a', 'two')
    await expect.poll(blobs).toHaveLength(1)

    const uploadId = await openUpload(store, 'b')
    await sendPart(store, { key: 'b', uploadId, partNumber: 1, body: 'dropped' })
    await sendPart(store, { key: 'b', uploadId, partNumber: 1, body: 'replaced' })
    const part = await sendPart(store, { key: 'b', uploadId, partNumber: 2, body: 'kept' })
    await store.client.send(complete(store, { key: 'b', uploadId }, [part]))
    await expect.poll(blobs).toHaveLength(2)

    const url = await presign(store, new PutObjectCommand({ Bucket: store.bucket, Key: 'c' }))
    await hangUpAfterHalf(url)
    await expect.poll(blobs).toHaveLength(2)
    expect(await outcome(readObject(store, 'c'), 'read')).toBe('404 NoSuchKey')
  })
})

test('who reads an object while it is replaced gets the former bytes to the end', async () => {
  await withServer({}, async (store) => {
    const former = randomBytes(8 * 1024 * 1024)
    await putObject(store, 'a', former)
    const got = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: 'a' }))
    await putObject(store, 'a', 'new')
    expect(md5(Buffer.from((await got.Body?.transformToByteArray()) ?? []))).toBe(md5(former))
    expect((await readObject(store, 'a')).toString()).toBe('new')
  })
})

test('a store without CORS refuses the question of a browser and marks no answer', async () => {
  await withServer({ cors: false }, async (store) => {
    const url = await presign(store, new PutObjectCommand({ Bucket: store.bucket, Key: 'a' }))
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'PUT' }
    expect(plainOutcome(await send(url, { method: 'OPTIONS', headers }), 'allowed')).toBe(
      '403 AccessDenied',
    )
    const put = await send(url, { headers })
    expect([put.status, put.headers['access-control-allow-origin']]).toEqual([200, undefined])
  })
})

test('a port that is taken is replaced by a free one', async () => {
  const first = await startS3({ dataDir: await newFolder(), ...ACCESS })
  const second = await startS3({ dataDir: await newFolder(), port: first.port, ...ACCESS })
  expect(second.port).not.toBe(first.port)
  await Promise.all([first.stop(), second.stop()])
})

test('a sender that keeps a refused connection busy is cut off after three seconds', async () => {
  await withServer({}, async (store) => {
    const { port, hostname } = new URL(store.endpoint)
    const socket = connect(Number(port), hostname)
    const started = Date.now()
    socket.write(
      `PUT /jetty/a HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 1000000\r\n\r\n`,
    )
    const trickle = setInterval(() => socket.write('x'), 100)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 403/)
    await once(socket, 'close').catch(() => {})
    clearInterval(trickle)
    expect(Date.now() - started).toBeGreaterThan(2_500)
    expect(Date.now() - started).toBeLessThan(6_000)
  })
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jetty-s3-'))
  folders.push(folder)
  return folder
}

async function withServer(
  options: Partial<S3Options>,
  use: (store: ReturnType<typeof makeTarget>, dataDir: string) => Promise<void>,
): Promise<void> {
  const dataDir = await newFolder()
  const server = await startS3({ dataDir, ...ACCESS, ...options })
  try {
    await use(makeTarget({ endpoint: server.endpoint, ...ACCESS }), dataDir)
  } finally {
    await server.stop()
  }
}

async function startProcess(
  options: S3Options,
): Promise<{ child: ChildProcess; endpoint: string }> {
  const child = fork(MAIN, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
  const [ready] = await once(child, 'message')
  return { child, endpoint: ready.endpoint }
}

async function hangUpAfterHalf(url: string): Promise<void> {
  const { hostname, port, host, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n`,
  )
  await new Promise((resolve) => socket.write(Buffer.alloc(50_000), resolve))
  socket.destroy()
}
