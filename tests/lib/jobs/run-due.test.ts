import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { JOBS } from '../../../lib/jobs/jobs.ts'
import { type Job, runDueJobs } from '../../../lib/jobs/run-due.ts'
import { sql } from '../../../lib/vendor/orm.js'

/** A job of this test alone, that counts its runs. */
function aJob(act: () => Promise<unknown> = async () => undefined, everySeconds = 60) {
  const runs: number[] = []
  const run = () => {
    runs.push(Date.now())
    return act()
  }
  return { name: `test-${randomUUID()}`, everySeconds, run, runs } satisfies Job & {
    runs: number[]
  }
}

async function age(job: Job, seconds: number): Promise<void> {
  await query(sql`
    UPDATE periodic_jobs SET started_at = started_at - make_interval(secs => ${seconds}) WHERE name = ${job.name}`)
}

async function isFinished({ name }: Job): Promise<unknown> {
  const [row] = await query(
    sql`SELECT finished_at >= started_at AS finished FROM periodic_jobs WHERE name = ${name}`,
  )
  return row?.finished
}

test('of 20 that ask at once, one runs the job', async () => {
  const job = aJob()
  const ran = await Promise.all(Array.from({ length: 20 }, () => runDueJobs([job])))
  expect(job.runs).toHaveLength(1)
  expect(ran.flat()).toEqual([job.name])
  expect(await isFinished(job)).toBe(true)
})

test('a job that is due again is run once more, by one of 20', async () => {
  const job = aJob()
  await runDueJobs([job])
  await age(job, 55)
  expect(await runDueJobs([job])).toEqual([])
  await age(job, 5)
  await Promise.all(Array.from({ length: 20 }, () => runDueJobs([job])))
  expect(job.runs).toHaveLength(2)
})

test('each job has a pace of its own', async () => {
  const [quick, slow] = [aJob(undefined, 60), aJob(undefined, 3600)]
  expect((await runDueJobs([quick, slow])).sort()).toEqual([quick.name, slow.name].sort())
  for (const job of [quick, slow]) await age(job, 120)
  expect(await runDueJobs([quick, slow])).toEqual([quick.name])
})

test('a job that fails disturbs no other, and is not called finished', async () => {
  const failing = aJob(() => Promise.reject(new Error('on purpose')))
  const good = aJob()
  await runDueJobs([failing, good])
  expect([failing.runs.length, good.runs.length]).toEqual([1, 1])
  expect([await isFinished(failing), await isFinished(good)]).toEqual([null, true])
})

test('jobs run side by side: a slow one keeps nobody waiting', async () => {
  let release = () => undefined as undefined
  const held = new Promise<void>((resolve) => {
    release = () => void resolve()
  })
  const slow = aJob(() => held)
  const quick = aJob()
  const running = runDueJobs([slow, quick])
  while (quick.runs.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  release()
  await running
})

test('no job comes again before a function that died with it could still be alive', () => {
  for (const { everySeconds } of JOBS) expect(everySeconds).toBeGreaterThanOrEqual(60)
  expect(new Set(JOBS.map(({ name }) => name)).size).toBe(JOBS.length)
})
