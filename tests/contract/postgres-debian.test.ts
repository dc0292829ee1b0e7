import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startNeon } from '../local/neon.ts'
import { startPostgres } from '../local/postgres.ts'
import { installedBinaries } from '../local/postgres-binaries.ts'
import { prepareDatabase } from '../local/template.ts'
import { temporaryFolder } from '../local/temporary.ts'
import { withPackage } from './debian.ts'
import { postgresContract } from './postgres.ts'

const PACKAGES = '/usr/lib/postgresql'
const newest = existsSync(PACKAGES)
  ? readdirSync(PACKAGES)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(PACKAGES, version, 'bin'))
      .find((bin) => existsSync(join(bin, 'initdb')))
  : undefined

withPackage("Debian's PostgreSQL", newest, (bin) => {
  postgresContract({
    name: "Debian's PostgreSQL behind the local front",
    kind: 'debian',
    start: () => start(bin),
  })
})

async function start(bin: string) {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'postgres')
  const binaries = installedBinaries(bin)
  const server = await startPostgres({ dataDir, password: 'contract', durable: false, binaries })
  // The product's own migrations and catalogue have to work here, too.
  await prepareDatabase(server.url)
  const neon = await startNeon(server.url)
  return {
    url: server.url,
    endpoint: neon.url,
    async stop() {
      await neon.stop()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
