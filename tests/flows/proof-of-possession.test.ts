import '../local/global-scope.ts'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { anAccount } from '../local/account.ts'
import { jetty } from '../local/command.ts'
import { aContent } from '../local/content.ts'
import { startFunctions } from '../local/functions.ts'
import { temporaryFolder } from '../local/temporary.ts'
import { uploadWhole } from '../local/uploading.ts'

const MIB = 1024 * 1024
const LIMIT = { timeout: 60_000 }

// Functions of this process, since it is what has the global scope.
const functions = await startFunctions()
const folder = await temporaryFolder()
afterAll(functions.stop)

/** What the command sends at 2 MiB a second, and which calls it makes for that. */
async function upload(apiKey: string, bytes: Buffer) {
  const file = join(folder, 'file.bin')
  await writeFile(file, bytes)
  functions.calls.clear()
  const env = { JETTY_URL: functions.url, JETTY_API_KEY: apiKey }
  const { code, lines, stderr } = await jetty(
    env,
    'upload',
    file,
    '--json',
    '--limit',
    '2M',
    '--direct',
  ).ended
  expect(code, stderr).toBe(0)
  const { 'POST /api/jetty/track-upload': _, ...calls } = Object.fromEntries(functions.calls)
  return { sent: lines[0], calls }
}

test.each([
  ['one part', 12 * MIB],
  ['several parts', 24 * MIB],
])(
  'a file of %s that another account stores is copied while it is being sent: start, proof, complete',
  LIMIT,
  async (_, size) => {
    const [ada, bob] = [await anAccount(), await anAccount()]
    const content = await aContent(size)
    await uploadWhole(ada.apiKey, content, 'a')

    const { sent, calls } = await upload(bob.apiKey, content.bytes)
    expect(sent).toMatchObject({ fileHash: content.fileHash, functionCalls: 3 })
    expect(sent.sentBytes).toBeLessThan(size)
    expect(sent.copiedBytes).toBeGreaterThan(0)
    expect(calls).toEqual({
      'POST /api/storage/upload': 1,
      'POST /api/storage/copy': 1,
      'PUT /api/storage/upload': 1,
    })
  },
)

test(
  'a file that nobody stores is sent as without a proof, which is refused beside',
  LIMIT,
  async () => {
    const { apiKey } = await anAccount()
    const content = await aContent(9 * MIB)
    const { sent, calls } = await upload(apiKey, content.bytes)
    expect(sent).toMatchObject({ fileHash: content.fileHash, copiedBytes: 0 })
    expect(sent.sentBytes).toBeGreaterThanOrEqual(content.fileSize)
    expect(calls).toEqual({
      'POST /api/storage/upload': 1,
      'POST /api/storage/copy': 1,
      'PUT /api/storage/upload': 1,
    })
  },
)

test('what is sent within a second is not proven', LIMIT, async () => {
  const { apiKey } = await anAccount()
  const { sent, calls } = await upload(apiKey, (await aContent(1.1 * MIB)).bytes)
  // On a machine that is very busy it may take longer.
  if (sent.seconds < 1)
    expect(calls).toEqual({ 'POST /api/storage/upload': 1, 'PUT /api/storage/upload': 1 })
})
