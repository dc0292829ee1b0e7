import { DIRECT } from '../edges/measurement.ts'
import { UPLOAD_DAYS } from '../uploads/upload.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { fromUploadAndSession, type Report, TARGET_STATUS, verdict } from './verdict.ts'

/** How long a session counts as moving after its last report: twice the longest pause that is asked for, and some. */
export const LIVE_SECONDS = 130
/** Kept of an upload: who makes sessions without end must not slow down whoever looks at it. */
const SESSIONS_MAX = 500
/** An upload whose life was prolonged within so many minutes is not written again. */
const PROLONGED_MINUTES = 10

/**
 * Makes the session where a report misses nothing else; of more than 500, the one that was silent for longest goes. Runs
 * before `reportStatement`, under the account's lock.
 */
export function makeStatement(accountId: string, report: Report): SQL {
  const { sessionId, uploadVia, threads } = report
  return sql`
    WITH made AS (
      INSERT INTO upload_sessions (id, account_id, upload_id, upload_via, threads, edges_used)
      SELECT ${sessionId}::uuid, u.account_id, u.id, coalesce(${uploadVia}, u.uploaded_via), ${threads}::int,
        (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM (${knownPaths(report)}) known)
      ${fromUploadAndSession(accountId, report)} AND ${verdict(report)} = 'no-session'
      ON CONFLICT (id) DO NOTHING
      RETURNING upload_id
    )
    DELETE FROM upload_sessions WHERE id IN (
      SELECT s.id FROM upload_sessions s JOIN made USING (upload_id) ORDER BY s.updated_at DESC, s.id OFFSET ${SESSIONS_MAX - 1})`
}

/**
 * The one statement that decides a report, under the account's lock. One row, or none where the account has no such upload.
 * `outcome`: `moved`; `same` for a start of a session there is, or the ending that it has; else the slug of a refusal, or
 * `no-session`, and then nothing has changed. The rest is how the upload and the session are afterwards, and `counted`: the ids of
 * the report's paths that the catalogue has.
 */
export function reportStatement(accountId: string, report: Report): SQL {
  const { action, chunksCompleted, bytesUploaded, errorMessage } = report
  const status = TARGET_STATUS[action]
  const isEnding = status !== 'in_progress'
  return sql`
    WITH known AS (
      SELECT u.id, u.state, u.file_size, u.part_count, s.id AS session_id, s.status, s.chunks_completed, s.bytes_uploaded,
        s.speed_bytes, ${verdict(report)} AS outcome
      ${fromUploadAndSession(accountId, report)}
    ), told AS (
      SELECT t.* FROM jsonb_to_recordset(${JSON.stringify(report.paths)}::jsonb)
        AS t("edgeId" text, parts int, bytes bigint, "busyMs" bigint, failures int)
      WHERE t."edgeId" IN (${knownPaths(report)})
    ), moved AS (
      UPDATE upload_sessions s
      SET status = ${status}, error_message = ${errorMessage}, updated_at = greatest(s.updated_at, now()),
        completed_at = CASE WHEN ${isEnding} THEN now() END,
        chunks_completed = CASE WHEN ${action === 'complete'} THEN known.part_count ELSE greatest(s.chunks_completed, ${chunksCompleted}::bigint) END,
        bytes_uploaded = CASE WHEN ${action === 'complete'} THEN known.file_size ELSE greatest(s.bytes_uploaded, ${bytesUploaded}::bigint) END,
        speed_bytes = CASE WHEN now() - s.updated_at >= interval '1 second' AND ${bytesUploaded}::bigint IS NOT NULL
          THEN greatest(0, ${bytesUploaded}::bigint - s.bytes_uploaded) / extract(epoch FROM now() - s.updated_at) ELSE s.speed_bytes END,
        edges_used = (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM (
          SELECT jsonb_array_elements_text(s.edges_used) AS id UNION ${knownPaths(report)}) used),
        paths = s.paths || coalesce((SELECT jsonb_object_agg("edgeId", jsonb_build_object(
            'parts', parts + coalesce((s.paths->"edgeId"->>'parts')::bigint, 0),
            'bytes', bytes + coalesce((s.paths->"edgeId"->>'bytes')::bigint, 0),
            'busyMs', "busyMs" + coalesce((s.paths->"edgeId"->>'busyMs')::bigint, 0),
            'failures', failures + coalesce((s.paths->"edgeId"->>'failures')::bigint, 0))) FROM told), '{}')
      FROM known WHERE s.id = known.session_id AND known.outcome = 'moved'
      RETURNING s.*
    ), prolonged AS (
      UPDATE uploads u SET expires_at = now() + make_interval(days => ${UPLOAD_DAYS}), updated_at = now()
      FROM known WHERE u.id = known.id AND known.outcome IN ('moved', 'same') AND u.state IN ('open', 'completing')
        AND u.expires_at < now() + make_interval(days => ${UPLOAD_DAYS}, mins => ${-PROLONGED_MINUTES})
    )
    SELECT known.*, coalesce(moved.status, known.status) AS status_now,
      (SELECT t.file_id FROM upload_targets t WHERE t.upload_id = known.id AND t.file_id IS NOT NULL ORDER BY t.path LIMIT 1) AS file_id,
      coalesce(moved.chunks_completed, known.chunks_completed) AS chunks_now,
      coalesce(moved.bytes_uploaded, known.bytes_uploaded) AS bytes_now,
      greatest(moved.chunks_completed, known.chunks_completed, others.chunks) AS chunks_reported,
      greatest(moved.bytes_uploaded, known.bytes_uploaded, others.bytes) AS bytes_reported,
      coalesce(others.speed, 0) + CASE WHEN moved.status = 'in_progress' THEN moved.speed_bytes ELSE 0 END AS speed,
      (SELECT jsonb_agg("edgeId") FROM told) AS counted
    FROM known LEFT JOIN moved ON true CROSS JOIN LATERAL (
      SELECT max(o.chunks_completed) AS chunks, max(o.bytes_uploaded) AS bytes, sum(o.speed_bytes) FILTER (WHERE ${isMoving(sql`o`)}) AS speed
      FROM upload_sessions o WHERE o.upload_id = known.id AND o.id IS DISTINCT FROM moved.id) others`
}

/** Whether a session is under way and reported lately. */
export function isMoving(session: SQL): SQL {
  return sql`(${session}.status = 'in_progress' AND ${session}.updated_at > now() - make_interval(secs => ${LIVE_SECONDS}))`
}

/** The ids of paths in a report that there are: a made-up one must not grow anything. */
function knownPaths({ paths, edgesUsed }: Report): SQL {
  const named = [...new Set([...edgesUsed, ...paths.map(({ edgeId }) => edgeId)])]
  return sql`
    SELECT i.id FROM jsonb_array_elements_text(${JSON.stringify(named)}::jsonb) i(id)
    WHERE i.id = ${DIRECT} OR EXISTS (SELECT 1 FROM edge_locations e WHERE e.id = i.id)`
}
