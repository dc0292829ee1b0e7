import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { md5, outcome, putObject, readObject } from '../../contract/s3-calls.ts'
import { makeTarget } from '../../contract/s3-target.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const MIB = 1024 * 1024
const ACCESS = {
  accessKeyId: 'local',
  secretAccessKey: 'the-secret-of-this-test',
  region: 'us-east-1',
  bucket: 'jetty',
}

// A disk of 8 MiB that only the server sees, and that goes with it. Needs Linux that lets this user make one.
const mount = 'mount -t tmpfs -o size=8m tmpfs "$1"'
const possible = spawnSync('unshare', ['-rm', 'sh', '-c', mount, 'sh', tmpdir()]).status === 0

if (possible) {
  test('a full disk is said in the answer, and leaves what was there', {
    timeout: 30_000,
  }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'jetty-s3-'))
    const { child, endpoint } = await startOnSmallDisk(dataDir)
    const store = makeTarget({ endpoint, ...ACCESS })
    const [first, second] = [randomBytes(5 * MIB), randomBytes(5 * MIB)]
    await putObject(store, 'first', first)

    expect(await outcome(putObject(store, 'first', second), 'stored')).toBe('507 StorageFull')
    expect(md5(await readObject(store, 'first'))).toBe(md5(first))

    await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: 'first' }))
    const put = () => outcome(putObject(store, 'second', second), 'stored')
    await expect.poll(put).toBe('stored')
    child.kill()
    await once(child, 'exit')
    await rm(dataDir, { recursive: true })
  })
} else {
  test.todo('a full disk is said in the answer (left out: this user may not mount a small one)')
}

async function startOnSmallDisk(dataDir: string) {
  const script = `${mount} && exec "$2" --import tsx "$3" "$4"`
  const options = JSON.stringify({ dataDir, ...ACCESS })
  const args = ['-rm', 'sh', '-c', script, 'sh', dataDir, process.execPath, MAIN, options]
  const child = spawn('unshare', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [ready] = await once(child, 'message')
  return { child, endpoint: String(ready.endpoint) }
}
