import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Vercel's project settings, as `vercel link` would fetch them; with this file the build needs no account. */
const PROJECT = {
  projectId: 'prj_check',
  orgId: 'team_check',
  settings: { framework: null, nodeVersion: '24.x', createdAt: 1 },
}

/**
 * Copies the project as a push would carry it and runs the real `vercel build` there.
 *
 * @param {{ root: string, into: string, toolchain: ReturnType<typeof import('./toolchain.mjs').installToolchain> }} what
 * @returns {{ output: string, log: string }} the Build Output folder and what the CLI printed
 */
export function buildProject({ root, into, toolchain }) {
  const files = copyProject(root, into)
  linkModules(root, into)
  mkdirSync(join(into, '.vercel'))
  writeFileSync(join(into, '.vercel/project.json'), JSON.stringify(PROJECT))

  const { status, stdout, stderr } = spawnSync(
    toolchain.node,
    [toolchain.vercel, 'build', '--yes'],
    {
      cwd: into,
      // The platform applies vercel.json's build.env; the CLI leaves that to the caller.
      env: { ...toolchain.environment, CI: '1', ...readBuildEnvironment(into) },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
    },
  )
  const log = `${stdout}${stderr}`
  if (status !== 0) throw new Error(`vercel build failed:\n${log}`)
  return { output: join(into, '.vercel/output'), log, files }
}

/** Tracked and new files with their present content; what .gitignore names stays behind, as it does in a push. */
function copyProject(root, into) {
  const { status, stdout, stderr } = spawnSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`git ls-files failed: ${stderr}`)
  const files = stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)))
  for (const file of files) {
    mkdirSync(dirname(join(into, file)), { recursive: true })
    cpSync(join(root, file), join(into, file))
  }
  return files
}

/**
 * `vercel build` runs `npm install`. Hard links of the installed packages turn its 15 seconds into one, and npm still
 * repairs what differs from the lock file; it replaces files and never writes into them, so the originals are safe.
 */
function linkModules(root, into) {
  const modules = join(root, 'node_modules')
  if (existsSync(modules)) spawnSync('cp', ['-al', modules, join(into, 'node_modules')])
}

function readBuildEnvironment(into) {
  return JSON.parse(readFileSync(join(into, 'vercel.json'), 'utf8')).build?.env ?? {}
}
