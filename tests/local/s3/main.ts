import { type S3Options, startS3 } from './server.ts'

/**
 * The server as a process of its own: `tsx tests/local/s3/main.ts '<S3Options as JSON>'`. Says `{"endpoint":…}` when it
 * is ready: as a message to a parent that forked it, else as a line on stdout. Ends with its parent, on SIGTERM and on
 * SIGINT.
 */
async function main(): Promise<void> {
  // The parent is this repository's own code; startS3's options are not a border to validate.
  const options: S3Options = JSON.parse(process.argv[2] ?? '{}')
  const { endpoint, port, stop } = await startS3(options)

  const end = () => void stop().then(() => process.exit(0))
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('disconnect', end)

  if (process.send) process.send({ endpoint, port })
  else console.log(JSON.stringify({ endpoint, port }))
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
