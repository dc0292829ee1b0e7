import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { registerEdges } from '../edges.ts'
import type { Stack } from '../stack.ts'
import { newAccount } from './account.ts'
import type { Far } from './far.ts'
import { addUp } from './functions-use.ts'
import type { GivenFile } from './given-file.ts'
import { jetty } from './jetty.ts'
import { killAndResume } from './kill.ts'
import { sameBytes } from './same-bytes.ts'
import type { Screen } from './screen.ts'
import * as steps from './steps.ts'

export type Scene = {
  stack: Stack & { url: string; functionStats: NonNullable<Stack['functionStats']> }
  far: Far
  given: GivenFile
  folder: string
  screen: Screen
  signal: AbortSignal
}

/** Everything that a run found out. */
export type Measured = Awaited<ReturnType<typeof measure>>

/** Moves the file in every way there is, one after the other. */
export async function measure(scene: Scene) {
  const { stack, far, screen } = scene
  await screen.during('one small file each way, so that the functions are loaded', () =>
    warmUp(scene),
  )
  const emulated = await atDistance(scene)
  const interrupted = await interruptedAndAgain(scene)
  const raw = await screen.during('both without any distance', () => onLoopback(scene))
  const { lateMs } = await far.counts()
  const functions = addUp(await Promise.all([far.functions.stats(), stack.functionStats()]))
  return { emulated, interrupted, raw, functions, lateMs }
}

/** Functions load their code on the first call, and ask the store once what it can do. */
async function warmUp({ stack, far, folder, signal }: Scene): Promise<void> {
  const file = join(folder, 'small')
  await writeFile(file, 'small')
  // The far ones come last: their relays are the ones that are offered from then on.
  for (const { url, edges } of [stack, far]) {
    await registerEdges(stack.databaseUrl, edges)
    const apiKey = await newAccount(`small-${new URL(url).port}`)
    await jetty({ url, apiKey }, ['upload', file], signal)
  }
}

async function atDistance({ stack, far, given, folder, screen, signal }: Scene) {
  const { file, size } = given
  const { env } = stack
  const service = { url: far.url, apiKey: await newAccount('distant') }
  const plain = await screen.during('plain PUT, emulated distance', () =>
    steps.plainAtDistance(far, { file, size, signal, env }),
  )
  const up = await screen.during('upload over five relays, emulated distance', () =>
    steps.upload('five relays', service, { file, size, signal }),
  )
  const to = join(folder, 'back')
  const { fileId } = up.uploaded
  const down = await screen.during('download over five relays, emulated distance', () =>
    steps.download(service, { fileId, to, size, signal }),
  )
  return { plain, up, down, isSame: await sameBytes(file, to) }
}

async function interruptedAndAgain({ far, given, screen, signal }: Scene) {
  const { file, size } = given
  const service = { url: far.url, apiKey: await newAccount('interrupted') }
  const kill = await screen.during('upload, killed at half, and resumed', () =>
    killAndResume(far, service, { file, size, signal }),
  )
  const args = ['--to', 'copies']
  const again = await screen.during('the same file again', () =>
    steps.upload('same again', service, { file, size, signal, args }),
  )
  return { ...kill, again }
}

async function onLoopback({ stack, given, signal }: Scene) {
  const { file, size } = given
  const { env, s3Endpoint: origin, url } = stack
  await registerEdges(stack.databaseUrl, stack.edges)
  const service = { url, apiKey: await newAccount('near') }
  const plain = await steps.plainOnLoopback({ file, size, signal, env, origin })
  return { plain, up: await steps.upload('five relays', service, { file, size, signal }) }
}
