import { stat, writeFile } from 'node:fs/promises'
import { createApi } from '../../../lib/client/api.ts'
import type { FileOutcome } from '../../../lib/client/entry.ts'
import { fileSource } from '../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../lib/client/node/send-part.ts'
import { uploadFiles } from '../../../lib/client/upload.ts'

/**
 * Has the functions load their code, by an upload of a few bytes straight to the store: the local server compiles what a
 * deployment has bundled, so its first call is slower than any there. `file` is where the bytes may be; `apiKey` is not the key
 * of the account that is measured, whose ranking stays as it was.
 *
 * @throws Error when the upload fails
 */
export async function loadFunctions(
  file: string,
  { url, apiKey }: { url: string; apiKey: string },
): Promise<void> {
  await writeFile(file, 'loaded')
  const tools = { pool: createHashPool(1), sender: createSender(1) }
  const source = fileSource(file, await stat(file, { bigint: true }), tools)
  const outcomes: FileOutcome[] = []
  await uploadFiles([{ path: 'loaded', name: 'loaded', source }], {
    api: createApi({ url, apiKey }),
    directOnly: true,
    onFile: (outcome) => outcomes.push(outcome),
  })
  tools.sender.close()
  await tools.pool.close()
  if (outcomes[0]?.error) throw outcomes[0].error
}
