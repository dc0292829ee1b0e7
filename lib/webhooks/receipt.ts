import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'

/** One message of one sender: its `webhook-id`, and the digest of what it said. The column `endpoint` holds the sender. */
export type Receipt = { sender: string; webhookId: string; bodyDigest: string }

/** Notes that a message came; the first of several with one id stays. A caller without ids (`null`) is not noted. */
export function noteStatement(receipt: Receipt | null): SQL {
  if (receipt === null) return sql`SELECT`
  const { sender, webhookId, bodyDigest } = receipt
  return sql`
    INSERT INTO webhook_receipts (endpoint, webhook_id, body_digest) VALUES (${sender}, ${webhookId}, ${bodyDigest})
    ON CONFLICT (endpoint, webhook_id) DO NOTHING`
}

/** A condition: this very message was noted and has not been answered, so it may act. */
export function isUnanswered(receipt: Receipt | null): SQL {
  return receipt === null
    ? sql`true`
    : sql`EXISTS (SELECT FROM webhook_receipts WHERE ${isThis(receipt)} AND answer IS NULL)`
}

/** Keeps the answer of a message that acted, for those that repeat it. `answer` is a jsonb, without secrets. */
export function answerStatement(receipt: Receipt | null, answer: SQL): SQL {
  return receipt === null
    ? sql`SELECT`
    : sql`UPDATE webhook_receipts SET answer = ${answer} WHERE ${isThis(receipt)} AND answer IS NULL`
}

/** Reads what was noted and answered under the message's id. */
export function receiptStatement(receipt: Receipt | null): SQL {
  if (receipt === null) return sql`SELECT`
  const { sender, webhookId } = receipt
  return sql`
    SELECT body_digest, answer FROM webhook_receipts WHERE endpoint = ${sender} AND webhook_id = ${webhookId}`
}

/** @throws Problem `webhook-conflict` where the id of `receiptStatement`'s row belongs to another body */
export function requireSameMessage(receipt: Receipt | null, [row]: Row[]): void {
  if (receipt === null || !row || column.text(row, 'body_digest') === receipt.bodyDigest) return
  throw new Problem('webhook-conflict', `${receipt.webhookId} came before with another message.`)
}

function isThis({ sender, webhookId, bodyDigest }: Receipt): SQL {
  return sql`endpoint = ${sender} AND webhook_id = ${webhookId} AND body_digest = ${bodyDigest}`
}
