import type { Api } from '../client/api.ts'
import { fileAt } from '../client/files.ts'
import { usageError } from './exit.ts'
import { fileIdOf } from './file-id.ts'

/**
 * The id of the stored file that `--base` names, by its path or its id; one call.
 *
 * @throws a usage error when several files would be compared with it, an Error when there is none
 */
export async function baseOf(
  api: Api,
  { given, files }: { given: string | undefined; files: number },
): Promise<string | undefined> {
  if (given === undefined) return undefined
  if (files > 1) throw usageError('--base goes with one file.')
  return (await fileAt(api, given))?.fileId ?? fileIdOf(given)
}
