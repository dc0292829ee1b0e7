import { createApi } from '../client/api.ts'
import type { FileOutcome, FileToUpload } from '../client/entry.ts'
import { fileSource, type NodeTools } from '../client/node/file-source.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import { type Found, walk } from '../client/node/walk.ts'
import { type UploadSummary, uploadFiles } from '../client/upload.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { note, say, sayJson, showBytes, showSeconds, showText } from './output.ts'
import { createProgressLine, type ProgressLine } from './progress-line.ts'

type Listing = { files: FileToUpload[]; bytes: number; refused: number }

/** jetty upload: sends files and folders; what a former run left is resumed, what is stored already is not sent. */
export async function uploadCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length === 0) throw usageError('upload: name at least one file or folder.')
  const tools: NodeTools = { pool: createHashPool(), sender: createSender() }
  const line = createProgressLine(flags.json && !process.stderr.isTTY)
  const startedAt = performance.now()
  try {
    const listing = await list(args, { tools, prefix: flags.to ?? '' })
    const summary = await uploadFiles(listing.files, {
      api: createApi({ ...settings(), signal }),
      signal,
      connections: flags.connections,
      directOnly: flags.direct,
      ifNew: flags['if-new'],
      expected: { files: listing.files.length, bytes: listing.bytes },
      onProgress: line.show,
      onFile: (outcome) => tell(outcome, { line, json: flags.json }),
      onTrouble: (routeId, error) => {
        if (!flags.verbose) return
        line.clear()
        note(`${routeId}: ${showText(error.message)}; trying again`)
      },
    })
    line.clear()
    if (summary.stored + summary.failed > 0) note(summarize(summary, performance.now() - startedAt))
    return summary.failed + listing.refused > 0 ? EXIT.failed : EXIT.ok
  } catch (error) {
    line.clear()
    if (signal.aborted)
      note('Interrupted. What was sent is kept for 7 days; the same command resumes.')
    throw error
  } finally {
    tools.sender.close()
    await tools.pool.close()
  }
}

async function list(
  args: string[],
  { tools, prefix }: { tools: NodeTools; prefix: string },
): Promise<Listing> {
  const listing: Listing = { files: [], bytes: 0, refused: 0 }
  const paths = new Set<string>()
  for await (const found of walk(args, prefix)) {
    const problem = complaint(found, paths)
    if (problem) note(problem)
    if (problem && found.kind !== 'skipped') listing.refused += 1
    if (problem || found.kind !== 'file') continue
    paths.add(found.path)
    const source = fileSource(found.file, found.stats, tools)
    listing.files.push({ path: found.path, name: found.name, source })
    listing.bytes += source.size
  }
  return listing
}

function complaint(found: Found, paths: Set<string>): string | undefined {
  if (found.kind === 'skipped') return `skipped ${showText(found.shown)}: ${found.reason}`
  if (found.kind === 'refused') return `failed ${showText(found.shown)}: ${showText(found.reason)}`
  if (!paths.has(found.path)) return undefined
  return `failed ${showText(String(found.file))}: another file is called ${showText(found.path)} already`
}

function tell(
  { file, result, error }: FileOutcome,
  { line, json }: { line: ProgressLine; json: boolean | undefined },
): void {
  line.clear()
  if (!result) note(`failed ${showText(file.path)}: ${showText(error.message)}`)
  else if (json) sayJson(result)
  else {
    const how = result.duplicate
      ? 'already stored'
      : `${showBytes(result.fileSize)} in ${showSeconds(result.seconds)}`
    say(`${result.fileId}  ${showText(result.path)}  (${how})`)
  }
}

function summarize({ progress, functionCalls, stored, failed }: UploadSummary, ms: number): string {
  const bytes = Object.values(progress.perPath).reduce((sum, sent) => sum + sent, 0)
  const rate = ms > 0 ? (bytes * 1000) / ms : 0
  const files = `${stored} ${stored === 1 ? 'file' : 'files'} stored${failed > 0 ? `, ${failed} failed` : ''}`
  const sent = `${showBytes(bytes)} sent in ${showSeconds(ms / 1000)} (${showBytes(Math.round(rate))}/s)`
  return `${files}; ${sent}; ${functionCalls} function calls`
}
