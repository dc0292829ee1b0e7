import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './listen.ts'

const run = promisify(execFile)

/** What the Debian packages radosgw, ceph-mon, ceph-osd and what they depend on put on the machine. */
const PROGRAMS = ['monmaptool', 'ceph-mon', 'ceph', 'ceph-osd', 'radosgw-admin', 'radosgw']
const STEP_MS_MAX = 60_000
const MEMORY_BYTES_MAX = 4 * 1024 ** 3

const ACCESS_KEY_ID = 'contract'
const SECRET_ACCESS_KEY = 'a-secret-of-the-contract-suite'

export type RunningRgw = {
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
  stop(): Promise<void>
}

/** The first program of Ceph's S3 gateway that is not installed; undefined when all are. */
export function missingRgwProgram(): string | undefined {
  return PROGRAMS.find((name) => !existsSync(join('/usr/bin', name)))
}

/**
 * Starts Ceph's S3 gateway, the store that taught the `compat` profile: one monitor, one storage daemon that keeps
 * everything in memory, one gateway, all in a temporary folder, as any user. Takes about 12 s.
 *
 * @throws Error when a program is missing or a step takes longer than a minute
 */
export async function startRgw(): Promise<RunningRgw> {
  const missing = missingRgwProgram()
  if (missing)
    throw new Error(`${missing} is not installed: apt-get install radosgw ceph-mon ceph-osd`)

  const folder = await mkdtemp(join(tmpdir(), 'jetty-rgw-'))
  // Ceph's monitors must know their ports before they start.
  const [monitor2, monitor1, gateway] = await Promise.all([freePort(), freePort(), freePort()])
  const address = `[v2:127.0.0.1:${monitor2}/0,v1:127.0.0.1:${monitor1}/0]`
  const fsid = randomUUID()
  await writeFile(join(folder, 'ceph.conf'), configuration({ folder, fsid, address, gateway }))

  const daemons = makeDaemons(folder)
  const endpoint = `http://127.0.0.1:${gateway}`
  try {
    await startCluster(folder, daemons, { fsid, address })
    await daemons.step('radosgw-admin', [
      ...['-n', 'client.rgw', 'user', 'create', '--uid=contract', '--display-name=contract'],
      ...[`--access-key=${ACCESS_KEY_ID}`, `--secret-key=${SECRET_ACCESS_KEY}`],
    ])
    daemons.start('radosgw', ['-n', 'client.rgw', '-f'])
    await untilAnswers(endpoint)
  } catch (error) {
    await daemons.stop()
    throw error
  }
  return {
    endpoint,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    stop: daemons.stop,
  }
}

async function startCluster(
  folder: string,
  daemons: Daemons,
  { fsid, address }: { fsid: string; address: string },
): Promise<void> {
  const monmap = join(folder, 'monmap')
  const keyring = join(folder, 'keyring')
  await Promise.all(['mon', 'osd', 'rgw'].map((name) => mkdir(join(folder, name))))
  await writeFile(keyring, '')

  await daemons.step('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, monmap])
  await daemons.step('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', monmap, '--keyring', keyring])
  daemons.start('ceph-mon', ['-i', 'a', '-f'])
  const osd = randomUUID()
  await daemons.step('ceph', ['osd', 'new', osd, '0'])
  await daemons.step('ceph-osd', ['--mkfs', '-i', '0', '--osd-uuid', osd])
  daemons.start('ceph-osd', ['-i', '0', '-f'])
}

type Daemons = {
  step(program: string, args: string[]): Promise<void>
  start(program: string, args: string[]): void
  stop(): Promise<void>
}

function makeDaemons(folder: string): Daemons {
  const env = { PATH: '/usr/bin:/bin', HOME: folder, CEPH_CONF: join(folder, 'ceph.conf') }
  const running: ReturnType<typeof spawn>[] = []
  // There is nothing to save, and a daemon asked politely waits for the others.
  const killAll = () => {
    for (const daemon of running) daemon.kill('SIGKILL')
  }
  // A test run that ends without stop() must not leave a cluster behind.
  process.once('exit', killAll)

  return {
    async step(program, args) {
      await run(program, args, { env, timeout: STEP_MS_MAX })
    },
    start(program, args) {
      running.push(spawn(program, args, { env, stdio: 'ignore' }))
    },
    async stop() {
      const ended = running.map((daemon) => new Promise((resolve) => daemon.once('exit', resolve)))
      killAll()
      await Promise.all(ended)
      process.removeListener('exit', killAll)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function configuration(cluster: {
  folder: string
  fsid: string
  address: string
  gateway: number
}): string {
  const { folder, fsid, address, gateway } = cluster
  const lines = {
    fsid,
    'mon host': address,
    'public addr': '127.0.0.1',
    'cluster addr': '127.0.0.1',
    'auth cluster required': 'none',
    'auth service required': 'none',
    'auth client required': 'none',
    // Without it the gateway waits for ever for an authentication nobody asks of it.
    'ms mon client mode': 'crc',
    keyring: `${folder}/keyring`,
    'run dir': folder,
    'crash dir': folder,
    'admin socket': '',
    'log file': `${folder}/$type.$id.log`,
    'pid file': `${folder}/$type.$id.pid`,
    'mon data': `${folder}/mon`,
    'osd data': `${folder}/osd`,
    'osd objectstore': 'memstore',
    'memstore device bytes': MEMORY_BYTES_MAX,
    'osd pool default size': 1,
    'osd pool default min size': 1,
    'osd pool default pg num': 1,
    'osd crush chooseleaf type': 0,
    'osd class load list': '*',
    'osd class default list': '*',
    'mon allow pool size one': true,
    'mon max pg per osd': 1000,
    'rgw data': `${folder}/rgw`,
    'rgw frontends': `beast endpoint=127.0.0.1:${gateway}`,
  }
  const settings = Object.entries(lines).map(([name, value]) => `${name} = ${value}`)
  return ['[global]', ...settings, ''].join('\n')
}

async function untilAnswers(endpoint: string): Promise<void> {
  const deadline = Date.now() + STEP_MS_MAX
  for (;;) {
    const answers = await fetch(endpoint).then(
      (response) => response.ok,
      () => false,
    )
    if (answers) return
    if (Date.now() > deadline) throw new Error('The gateway does not answer')
    await wait(100)
  }
}
