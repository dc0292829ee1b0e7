import { mapConcurrently, orLeave } from '../concurrency.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { describeError, log } from '../log.ts'
import type { Deadlines } from '../uploads/complete.ts'

const ACCOUNTS_AT_ONCE = 4
const STORE_CALLS_AT_ONCE = 8

/**
 * Adds up what `act` did for the rows of each account (`account_id`), a few accounts at once, as long as there is time. What
 * fails for one account is logged and left to the next run; the others go on.
 */
export async function eachAccount(
  rows: Row[],
  { beginBefore }: Deadlines,
  act: (accountId: string, ofAccount: Row[]) => Promise<number>,
): Promise<number> {
  const counts = await mapConcurrently([...byAccount(rows)], ACCOUNTS_AT_ONCE, async (account) => {
    if (Date.now() > beginBefore) return 0
    try {
      return await act(...account)
    } catch (error) {
      log('error', 'the sweep failed for an account', {
        accountId: account[0],
        ...describeError(error),
      })
      return 0
    }
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * Asks the store about each item, a few at once, as long as there is time. What the store refuses or does not answer in
 * time is logged and is among `failed`; what was not begun is in neither list.
 */
export async function eachAtStore<T, R>(
  items: readonly T[],
  { beginBefore, answerBefore }: Deadlines,
  ask: (item: T) => Promise<R>,
): Promise<{ done: { item: T; result: R }[]; failed: T[] }> {
  const done: { item: T; result: R }[] = []
  const failed: T[] = []
  await mapConcurrently(items, STORE_CALLS_AT_ONCE, async (item) => {
    if (Date.now() > beginBefore) return
    try {
      const answer = ask(item).then((result) => ({ item, result }))
      const answered = await orLeave(answer, answerBefore - Date.now())
      if (answered) done.push(answered)
      else failed.push(item)
    } catch (error) {
      log('warn', 'the sweep failed at the store', describeError(error))
      failed.push(item)
    }
  })
  return { done, failed }
}

function byAccount(rows: Row[]): Map<string, Row[]> {
  const grouped = new Map<string, Row[]>()
  for (const row of rows) {
    const accountId = column.text(row, 'account_id')
    const ofAccount = grouped.get(accountId)
    if (ofAccount) ofAccount.push(row)
    else grouped.set(accountId, [row])
  }
  return grouped
}
