import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drizzle, neon, neonConfig, sql as statement } from '../../lib/vendor/orm.js'

type Kind = 'embedded' | 'debian' | 'neon'

export type PostgresBackend = {
  name: string
  kind: Kind
  /** `endpoint` is where Neon's protocol is spoken; absent for Neon itself. */
  start(): Promise<{ url: string; endpoint?: string; stop(): Promise<void> }>
}

/** What the backends may answer differently. Everything else is a core case, the same everywhere. */
const CAPABILITIES: { name: string; query: string; expected: Record<Kind, unknown> }[] = [
  {
    name: 'the vector extension can be had',
    query: "SELECT count(*) > 0 AS answer FROM pg_available_extensions WHERE name = 'vector'",
    expected: { embedded: false, debian: false, neon: true },
  },
  {
    name: 'the user of the URL is a superuser',
    query: "SELECT current_setting('is_superuser') = 'on' AS answer",
    expected: { embedded: true, debian: true, neon: false },
  },
]

const LARGE_BYTES = 11 * 1024 * 1024

/** What the product relies on of PostgreSQL behind Neon's HTTP protocol, through the driver it uses. */
export function postgresContract(backend: PostgresBackend): void {
  describe(backend.name, () => {
    const table = `contract_${randomUUID().replaceAll('-', '')}`
    let running: Awaited<ReturnType<typeof backend.start>>
    let sql: ReturnType<typeof neon<false, true>>
    const one = async (query: string, params: unknown[] = []) =>
      (await sql.query(query, params)).rows[0]

    beforeAll(async () => {
      running = await backend.start()
      if (running.endpoint) neonConfig.fetchEndpoint = running.endpoint
      sql = neon(running.url, { fullResults: true })
      await sql.query(
        `CREATE TABLE ${table} (id int PRIMARY KEY, n bigint NOT NULL CHECK (n <= 100), note text UNIQUE)`,
      )
    }, 60_000)
    afterAll(async () => {
      await sql.query(`DROP TABLE ${table}`)
      await running.stop()
    })

    test('every type arrives as it was sent', async () => {
      const answer = await one(
        `SELECT $1::bigint AS big, $2::jsonb AS json, $3::bytea AS bytes, $4::text[] AS list, $5::int[] AS ints,
                $6::boolean AS flag, $7::float8 AS real, $8::numeric AS exact, $9::uuid AS id, NULL::text AS nothing`,
        [
          '9223372036854775807',
          { a: [1, 'ü😀'], b: null },
          Buffer.from([0, 255, 10]),
          ['a', 'b,"c"', ''],
          [1, -2],
          true,
          0.1,
          '12345678901234567890.5',
          '6f1b2f60-3bd2-4a0c-9f0e-6a4b4c7d8e9f',
        ],
      )
      expect(answer).toEqual({
        big: '9223372036854775807',
        json: { a: [1, 'ü😀'], b: null },
        bytes: Buffer.from([0, 255, 10]),
        list: ['a', 'b,"c"', ''],
        ints: [1, -2],
        flag: true,
        real: 0.1,
        exact: '12345678901234567890.5',
        id: '6f1b2f60-3bd2-4a0c-9f0e-6a4b4c7d8e9f',
        nothing: null,
      })
    })

    test('an answer says command, row count and fields', async () => {
      const inserted = await sql.query(
        `INSERT INTO ${table} (id, n) VALUES (901, 1), (902, 2) RETURNING id`,
      )
      expect(inserted).toMatchObject({
        command: 'INSERT',
        rowCount: 2,
        rows: [{ id: 901 }, { id: 902 }],
      })
      expect(inserted.fields[0]).toMatchObject({ name: 'id', dataTypeID: 23 })
      expect(await sql.query(`DELETE FROM ${table} WHERE id > 900`)).toMatchObject({
        command: 'DELETE',
        rowCount: 2,
      })
    })

    test('drizzle reads rows and runs a batch as one transaction', async () => {
      const db = drizzle(neon(running.url))
      const [first, second] = await db.batch([
        db.execute(statement`SELECT pg_current_xact_id()::text AS id`),
        db.execute(statement`SELECT pg_current_xact_id()::text AS id`),
      ])
      expect(first.rows[0]?.id).toBe(second.rows[0]?.id)
    })

    test('text compares by its bytes', async () => {
      expect(
        await one("SELECT 'a' > 'B' AS small, 'é' > 'z' AS accented, lower('Ä') AS low"),
      ).toEqual({
        small: true,
        accented: true,
        low: 'ä',
      })
    })

    test('a batch commits as a whole, or not at all', async () => {
      await sql.transaction([
        sql`SELECT 1`,
        sql.query(`INSERT INTO ${table} (id, n) VALUES (1, 1)`),
        sql.query(`INSERT INTO ${table} (id, n) VALUES (2, 2)`),
      ])
      const failing = sql.transaction([
        sql.query(`INSERT INTO ${table} (id, n) VALUES (3, 3)`),
        sql.query(`INSERT INTO ${table} (id, n) VALUES (1, 1)`),
      ])
      await expect(failing).rejects.toMatchObject({
        code: '23505',
        constraint: `${table}_pkey`,
        table,
      })
      expect(await one(`SELECT count(*)::int AS n FROM ${table} WHERE id IN (1, 2, 3)`)).toEqual({
        n: 2,
      })
    })

    test('a batch runs at the isolation level and in the mode it asks for', async () => {
      const levels = ['Serializable', 'RepeatableRead', 'ReadCommitted'] as const
      for (const isolationLevel of levels) {
        const [answer] = await sql.transaction([sql`SHOW transaction_isolation`], {
          isolationLevel,
        })
        const words = isolationLevel.replace(/(?<=.)[A-Z]/, (letter) => ` ${letter}`).toLowerCase()
        expect(answer?.rows).toEqual([{ transaction_isolation: words }])
      }
      const writing = sql.transaction([sql.query(`DELETE FROM ${table}`)], { readOnly: true })
      await expect(writing).rejects.toMatchObject({ code: '25006' })
    })

    test('errors carry the code and the place PostgreSQL gives them', async () => {
      await expect(sql`SELECT 1/0`).rejects.toMatchObject({ code: '22012', severity: 'ERROR' })
      await expect(sql`SELECT nothing`).rejects.toMatchObject({ code: '42703', position: '8' })
      const tooMuch = sql.query(`INSERT INTO ${table} (id, n) VALUES (70, 101)`)
      await expect(tooMuch).rejects.toMatchObject({ code: '23514', constraint: `${table}_n_check` })
    })

    test('two statements in one string are an error', async () => {
      await expect(sql.query('SELECT 1; SELECT 2')).rejects.toMatchObject({ code: '42601' })
    })

    test('a statement leaves nothing behind for the next one', async () => {
      await sql.query("SET statement_timeout = '12345ms'")
      const answers = await Promise.all(
        Array.from({ length: 30 }, () => one('SHOW statement_timeout')),
      )
      expect(answers.filter((answer) => answer?.statement_timeout === '12345ms')).toEqual([])
    })

    test('ten at once who lock a row and add to it all count', async () => {
      await sql.query(`INSERT INTO ${table} (id, n) VALUES (10, 0)`)
      const add = () =>
        sql.transaction([
          sql.query(`SELECT n FROM ${table} WHERE id = 10 FOR UPDATE`),
          sql.query(`UPDATE ${table} SET n = n + 1 WHERE id = 10`),
        ])
      await Promise.all(Array.from({ length: 10 }, add))
      expect(await one(`SELECT n FROM ${table} WHERE id = 10`)).toEqual({ n: '10' })
    })

    test('a conditional update lets through exactly as many as fit', async () => {
      await sql.query(`INSERT INTO ${table} (id, n) VALUES (20, 0)`)
      const take = () =>
        sql.query(`UPDATE ${table} SET n = n + 10 WHERE id = 20 AND n + 10 <= 50 RETURNING n`)
      const answers = await Promise.all(Array.from({ length: 20 }, take))
      expect(answers.filter(({ rowCount }) => rowCount === 1)).toHaveLength(5)
    })

    test('who skips locked rows gets another, who does not wait is told so, who only reads is not held', async () => {
      await sql.query(`INSERT INTO ${table} (id, n) VALUES (30, 0), (31, 0)`)
      const holding = sql.transaction([
        sql.query(`UPDATE ${table} SET n = 1 WHERE id = 30`),
        sql`SELECT pg_sleep(0.8)`,
      ])
      await new Promise((resolve) => setTimeout(resolve, 250))
      const rows = `FROM ${table} WHERE id IN (30, 31) ORDER BY id`
      expect(await one(`SELECT id ${rows} LIMIT 1 FOR UPDATE SKIP LOCKED`)).toEqual({ id: 31 })
      await expect(one(`SELECT id ${rows} FOR UPDATE NOWAIT`)).rejects.toMatchObject({
        code: '55P03',
      })
      expect(await one(`SELECT n ${rows} LIMIT 1`)).toEqual({ n: '0' })
      await holding
    })

    test('of two serializable transactions that write what the other read, one fails with 40001', async () => {
      await sql.query(`INSERT INTO ${table} (id, n) VALUES (40, 1), (41, 1)`)
      const skew = (read: number, write: number) =>
        sql.transaction(
          [
            sql.query(`SELECT n FROM ${table} WHERE id = ${read}`),
            sql`SELECT pg_sleep(0.3)`,
            sql.query(`UPDATE ${table} SET n = 0 WHERE id = ${write}`),
          ],
          { isolationLevel: 'Serializable' },
        )
      const ends = await Promise.allSettled([skew(40, 41), skew(41, 40)])
      const failed = ends.filter((end) => end.status === 'rejected')
      expect(failed).toHaveLength(1)
      expect(failed[0]?.reason).toMatchObject({ code: '40001' })
    })

    test('answers and questions over 10 MiB are refused', async () => {
      await expect(sql`SELECT repeat('x', ${LARGE_BYTES}::int)`).rejects.toThrow(/507/)
      await expect(sql`SELECT length(${'x'.repeat(LARGE_BYTES)})`).rejects.toThrow()
    })

    test.each(CAPABILITIES)('$name, or not, as the table says', async ({ query, expected }) => {
      expect(await one(query)).toEqual({ answer: expected[backend.kind] })
    })
  })
}
