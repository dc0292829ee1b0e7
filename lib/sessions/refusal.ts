import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import type { Report } from './verdict.ts'

/** The problem of a verdict that is a refusal, from the row that came with it. */
export function refusalOf(outcome: string, row: Row, report: Report): Problem {
  const uploadStatus = column.text(row, 'state')
  switch (outcome) {
    case 'session-closed': {
      const sessionStatus = column.text(row, 'status')
      const detail = `The session is ${sessionStatus}; start a new one.`
      return new Problem('session-closed', detail, { sessionStatus })
    }
    case 'progress-mismatch':
      return new Problem('progress-mismatch', mismatchOf(row, report))
    case 'parts-missing': {
      const detail = `The upload is ${uploadStatus}: complete it first (PUT /api/storage/upload).`
      return new Problem('parts-missing', detail, { uploadStatus })
    }
    case 'upload-closed': {
      const detail = `The upload is ${uploadStatus}; start again.`
      return new Problem('upload-closed', detail, { uploadStatus })
    }
    default:
      return new Problem('not-found', 'There is no such session of this upload.')
  }
}

function mismatchOf(row: Row, report: Report): string {
  const { chunksCompleted, bytesUploaded, lastChunk } = report
  const chunks = column.number(row, 'part_count')
  const bytes = column.number(row, 'file_size')
  if (chunksCompleted > chunks) return `The upload has ${chunks} chunks, not ${chunksCompleted}.`
  if ((bytesUploaded ?? 0) > bytes) return `The upload has ${bytes} bytes, not ${bytesUploaded}.`
  if (lastChunk >= chunks) return `The upload has ${chunks} chunks, no chunk ${lastChunk}.`
  return `No chunk of the upload has ${report.chunkBytesMax} bytes.`
}
