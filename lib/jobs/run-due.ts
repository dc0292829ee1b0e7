import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { describeError, log } from '../log.ts'
import { sql } from '../vendor/orm.js'

/** Something to be done again and again, at most every so many seconds (at least 60: longer than a function lives). */
export type Job = { name: string; everySeconds: number; run: () => Promise<unknown> }

/**
 * Runs the jobs that are due, side by side; whoever else asks at the same time runs none of them. A run that dies with its
 * function is repeated when the job is due again. What a job throws goes to the log. SQL 1, and 1 for each job that ran.
 *
 * @returns the names of those that ran
 */
export async function runDueJobs(jobs: readonly Job[]): Promise<string[]> {
  const claimed = await claim(jobs)
  await Promise.all(jobs.filter(({ name }) => claimed.includes(name)).map(run))
  return claimed
}

/** The statement that moves `started_at` is the lock: of many at once one does. */
async function claim(jobs: readonly Job[]): Promise<string[]> {
  const wanted = JSON.stringify(jobs.map(({ name, everySeconds }) => ({ name, everySeconds })))
  const rows = await query(sql`
    INSERT INTO periodic_jobs AS j (name, started_at)
    SELECT name, now() FROM jsonb_to_recordset(${wanted}::jsonb) AS w(name text, "everySeconds" int) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET started_at = now()
    WHERE j.started_at <= now() - (
      SELECT make_interval(secs => "everySeconds")
      FROM jsonb_to_recordset(${wanted}::jsonb) AS w(name text, "everySeconds" int) WHERE w.name = excluded.name)
    RETURNING name`)
  return rows.map((row) => column.text(row, 'name'))
}

async function run({ name, run: act }: Job): Promise<void> {
  try {
    await act()
    await query(sql`UPDATE periodic_jobs SET finished_at = now() WHERE name = ${name}`)
  } catch (error) {
    log('error', 'a periodic job failed', { job: name, ...describeError(error) })
  }
}
