import pg from 'pg'

const ISOLATION: Record<string, string> = {
  Serializable: 'SERIALIZABLE',
  RepeatableRead: 'REPEATABLE READ',
  ReadCommitted: 'READ COMMITTED',
  ReadUncommitted: 'READ UNCOMMITTED',
}

/** Commands that leave nothing behind in a session; after any other the connection is not used again. */
const STATELESS = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** Types that Neon answers as JSON values unless asked for raw text: bool, int2, int4, float4, float8, json, jsonb. */
const JSON_TYPES = new Set([16, 21, 23, 700, 701, 114, 3802])

export type Query = { query: string; params: unknown[]; arrayMode: boolean | undefined }

/** How rows are written: every value as PostgreSQL's text, and rows as arrays instead of objects. */
export type RowForm = { rawText: boolean; arrayMode: boolean }

/** How rows are written, and the transaction's mode. */
export type BatchForm = RowForm & {
  isolation: string | undefined
  readOnly: boolean
  deferrable: boolean
}

/** One query's result on the wire. */
export type Answer = {
  command: string
  rowCount: number | null
  fields: object[]
  rows: unknown[]
  rowAsArray: boolean
}

/** Runs one query outside a transaction. */
export async function runOne(pool: pg.Pool, query: Query, form: RowForm): Promise<Answer> {
  const client = await pool.connect()
  let reusable = false
  try {
    const answer = await execute(client, query, form)
    reusable = STATELESS.has(answer.command)
    return answer
  } catch (error) {
    reusable = error instanceof pg.DatabaseError
    throw error
  } finally {
    client.release(!reusable)
  }
}

/** Runs queries one after another in one transaction: all of them count, or none. */
export async function inTransaction(
  pool: pg.Pool,
  queries: Query[],
  form: BatchForm,
): Promise<Answer[]> {
  const begin = beginStatement(form)
  const client = await pool.connect()
  let reusable = true
  try {
    await client.query(begin)
    const answers: Answer[] = []
    for (const query of queries) {
      const answer = await execute(client, query, form)
      reusable &&= STATELESS.has(answer.command)
      answers.push(answer)
    }
    await client.query('COMMIT')
    return answers
  } catch (error) {
    reusable &&= await client.query('ROLLBACK').then(Boolean, () => false)
    throw error
  } finally {
    client.release(!reusable)
  }
}

function beginStatement({ isolation, readOnly, deferrable }: BatchForm): string {
  const level = isolation === undefined ? '' : ISOLATION[isolation]
  if (level === undefined) throw new Error('invalid isolation level')
  const words = [
    level && `ISOLATION LEVEL ${level}`,
    readOnly && 'READ ONLY',
    deferrable && 'DEFERRABLE',
  ]
  return `START TRANSACTION ${words.filter(Boolean).join(', ')}`
}

/** Always the extended protocol, which takes one statement at a time, as Neon does. */
async function execute(client: pg.PoolClient, query: Query, form: RowForm): Promise<Answer> {
  const config = {
    text: query.query,
    values: query.params,
    rowMode: 'array',
    queryMode: 'extended',
    types: RAW,
  }
  const { command, rowCount, rows, fields } = await client.query<unknown[]>({
    ...config,
    rowMode: 'array',
  })
  const arrayMode = query.arrayMode ?? form.arrayMode
  const values = form.rawText
    ? rows
    : rows.map((row) => row.map((text, at) => asJson(text, fields[at]?.dataTypeID)))
  return {
    command,
    rowCount,
    fields: fields.map((field) => ({ ...field, format: 'text' })),
    rows: arrayMode
      ? values
      : values.map((row) => Object.fromEntries(row.map((value, at) => [fields[at]?.name, value]))),
    rowAsArray: arrayMode,
  }
}

const RAW: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text }

function asJson(text: unknown, type = 0): unknown {
  if (typeof text !== 'string') return text
  const isArray = text.startsWith('{') && !JSON_TYPES.has(type)
  if (!isArray && !JSON_TYPES.has(type)) return text
  const value: unknown = pg.types.getTypeParser(type, 'text')(text)
  return typeof value === 'number' && !Number.isFinite(value) ? text : value
}
