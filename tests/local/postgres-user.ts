import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { dirname } from 'node:path'

const OTHERS_MAY_ENTER = 0o001

/** Who runs PostgreSQL when this process may not: `uid` and `gid` are set for root only, because PostgreSQL refuses root. */
export type Identity = {
  uid?: number
  gid?: number
  /** The words that start a command as this identity. */
  prefix: string[]
}

type User = { name: string; uid: number; gid: number }

/**
 * The identity PostgreSQL can run under here: this user, or `postgres` or `nobody` instead of root.
 *
 * @throws Error when there is none: PostgreSQL looks its user up by name
 */
export function identityFor(paths: string[]): Identity {
  const uid = process.getuid?.()
  if (uid === undefined || process.platform !== 'linux') return { prefix: [] }

  const users = knownUsers()
  if (uid !== 0) {
    if (users.some((user) => user.uid === uid)) return { prefix: [] }
    throw new Error(
      `PostgreSQL needs a user with a name, but uid ${uid} has no line in /etc/passwd.`,
    )
  }
  const user =
    users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody')
  if (!user)
    throw new Error(
      'PostgreSQL refuses to run as root, and /etc/passwd has neither postgres nor nobody.',
    )
  return { uid: user.uid, gid: user.gid, prefix: becoming(user, paths.every(isOpenToOthers)) }
}

/** Gives files to the user PostgreSQL runs as. */
export async function takeOwnership(paths: string[], { uid, gid }: Identity): Promise<void> {
  if (uid === undefined || gid === undefined) return
  for (const path of paths) await chown(path, uid, gid)
}

function knownUsers(): User[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .flatMap(([name, , uid, gid]) =>
      name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
    )
}

/** A checkout under /root is closed to everyone else: there the new user keeps root's right to pass. */
function becoming(user: User, open: boolean): string[] {
  const words = [
    'setpriv',
    '--reuid',
    String(user.uid),
    '--regid',
    String(user.gid),
    '--clear-groups',
  ]
  return open ? words : [...words, '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override']
}

function isOpenToOthers(path: string): boolean {
  let folder = dirname(path)
  while (!existsSync(folder)) folder = dirname(folder)
  folder = realpathSync(folder)
  for (;;) {
    if (!(statSync(folder).mode & OTHERS_MAY_ENTER)) return false
    if (folder === dirname(folder)) return true
    folder = dirname(folder)
  }
}
