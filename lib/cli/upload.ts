import { createApi } from '../client/api.ts'
import type { FileOutcome, FileToUpload } from '../client/entry.ts'
import { fileSource, type NodeTools } from '../client/node/file-source.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import { type Found, walk } from '../client/node/walk.ts'
import { type UploadOptions, type UploadSummary, uploadFiles } from '../client/upload.ts'
import { baseOf } from './base.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { limitOf } from './limit.ts'
import { note, say, sayJson, showBytes, showSeconds, showText } from './output.ts'
import { createProgressLine, type ProgressLine } from './progress-line.ts'
import { showResult } from './show-result.ts'
import { openUnfinished } from './unfinished.ts'
import { rememberWays } from './ways.ts'

/** jetty upload: sends files and folders; what a former run left is resumed, what is stored already is not sent. */
export async function uploadCommand(context: Context): Promise<number> {
  const { flags, args, settings, signal } = context
  checkUsage(context)
  const service = settings()
  const line = createProgressLine(flags.json && !process.stderr.isTTY)
  const startedAt = performance.now()
  const { expected, refused } = await survey(args, flags.to)
  const tools: NodeTools = { pool: createHashPool(), sender: createSender() }
  try {
    const api = createApi({ ...service, signal })
    const unfinished = openUnfinished(api, (path) => {
      line.clear()
      note(`${showText(path)} changed since it was interrupted: sending it anew`)
    })
    const baseFileId = await baseOf(api, { given: flags.base, files: expected.files })
    const summary = await uploadFiles(filesIn(args, flags.to, tools), {
      api,
      signal,
      ...waysOf(context, service.url),
      connector: tools.sender.connector,
      ifNew: flags['if-new'],
      delta: !flags['no-delta'],
      baseFileId,
      expected,
      onProgress: line.show,
      onOpen: (file, upload) => void unfinished.begin(file, upload),
      onFile: (outcome) => {
        if (outcome.result) void unfinished.end(outcome.file)
        tell(outcome, { line, json: flags.json })
      },
      ...(flags.verbose && chatter(line)),
    })
    line.clear()
    const failed = summary.failed + refused
    if (summary.stored + failed > 0) {
      note(summarize({ ...summary, failed }, performance.now() - startedAt))
    }
    return failed > 0 ? EXIT.failed : EXIT.ok
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

function checkUsage({ args, flags }: Context): void {
  if (args.length === 0) throw usageError('upload: name at least one file or folder.')
  if (flags.base && flags['no-delta']) throw usageError('--base and --no-delta exclude each other.')
}

/** What `--verbose` tells. */
function chatter(line: ProgressLine): Partial<UploadOptions> {
  const tell = (text: string) => {
    line.clear()
    note(showText(text))
  }
  return {
    onTrouble: (routeId, error) => tell(`${routeId}: ${error.message}; trying again`),
    onNote: tell,
  }
}

function waysOf({ flags }: Context, serviceUrl: string): Partial<UploadOptions> {
  return {
    connections: flags.connections,
    bytesPerSecondMax: limitOf(flags),
    directOnly: flags.direct,
    ways: rememberWays(serviceUrl),
  }
}

/** Counts what there is to send and names what is not sent. Nothing is kept: folders may hold a million files. */
async function survey(args: string[], prefix: string | undefined) {
  const expected = { files: 0, bytes: 0 }
  let refused = 0
  for await (const found of walkOnce(args, prefix)) {
    if (found.kind === 'file') {
      expected.files += 1
      expected.bytes += Number(found.stats.size)
    } else if (found.kind === 'skipped') note(`skipped ${showText(found.shown)}: ${found.reason}`)
    else {
      refused += 1
      note(`failed ${showText(found.shown)}: ${showText(found.reason)}`)
    }
  }
  return { expected, refused }
}

async function* filesIn(
  args: string[],
  prefix: string | undefined,
  tools: NodeTools,
): AsyncGenerator<FileToUpload> {
  for await (const found of walkOnce(args, prefix)) {
    if (found.kind !== 'file') continue
    const { path, name, file, stats } = found
    yield { path, name, source: fileSource(file, stats, tools) }
  }
}

/** The walk, with a path that appears twice refused the second time. */
async function* walkOnce(args: string[], prefix = ''): AsyncGenerator<Found> {
  const paths = new Set<string>()
  for await (const found of walk(args, prefix)) {
    // A folder alone cannot name a path twice.
    if (found.kind !== 'file' || args.length === 1) yield found
    else if (paths.has(found.path)) {
      const reason = `another file is called ${found.path} already`
      yield { ...found, kind: 'refused', shown: String(found.file), reason }
    } else {
      paths.add(found.path)
      yield found
    }
  }
}

function tell(
  { file, result, error }: FileOutcome,
  { line, json }: { line: ProgressLine; json: boolean | undefined },
): void {
  line.clear()
  if (!result) note(`failed ${showText(file.path)}: ${showText(error.message)}`)
  else if (json) sayJson(result)
  else say(showResult(result))
}

function summarize(summary: UploadSummary, ms: number): string {
  const { progress, functionCalls, reports, stored, failed } = summary
  const bytes = progress.sentBytes
  const rate = ms > 0 ? (bytes * 1000) / ms : 0
  const files = `${stored} ${stored === 1 ? 'file' : 'files'} stored${failed > 0 ? `, ${failed} failed` : ''}`
  const sent = `${showBytes(bytes)} sent in ${showSeconds(ms / 1000)} (${showBytes(Math.round(rate))}/s)`
  const calls = `${functionCalls} function ${functionCalls === 1 ? 'call' : 'calls'}`
  const told = reports > 0 ? ` and ${reports} ${reports === 1 ? 'report' : 'reports'}` : ''
  return `${files}; ${sent}; ${calls}${told}`
}
