import type { Api } from '../api.ts'
import { overEdge } from '../sign.ts'
import type { DownloadAnswer } from '../wire-download.ts'

/** A link is not used in its last moments. */
const MARGIN_MS = 15_000

export type Ticket = { url: string; headers: Record<string, string>; answer: DownloadAnswer }

export type Link = {
  /** Where a range is fetched over a relay's address, or straight,, and with which headers; renewed when it is about to end. */
  over: (edgeUrl: string | null) => Promise<Ticket>
  /** The ticket was refused: the next one who asks gets a new link, unless somebody has one already. */
  refused: (ticket: Ticket) => void
}

/** A download link that renews itself under the same download id, which is free. */
export function createLink(
  api: Api,
  first: DownloadAnswer,
  onAnswer: (answer: DownloadAnswer) => void,
): Link {
  let current = Promise.resolve(first)
  let latest: DownloadAnswer | undefined = first
  let deadline = deadlineOf(first)

  async function renew(): Promise<DownloadAnswer> {
    const { fileId, downloadId } = first
    const query = new URLSearchParams({ fileId, downloadId })
    const answer = await api.call<DownloadAnswer>('GET', `/api/storage/download?${query}`)
    deadline = deadlineOf(answer)
    latest = answer
    onAnswer(answer)
    return answer
  }

  return {
    refused: ({ answer }) => {
      if (answer === latest) deadline = 0
    },
    over: async (edgeUrl) => {
      if (performance.now() > deadline) {
        // Until the answer is there, everyone waits for the same one.
        deadline = Number.POSITIVE_INFINITY
        latest = undefined
        current = renew()
      }
      const answer = await current
      const { url, grant } = answer
      const headers: Record<string, string> = {}
      if (edgeUrl === null || !grant) return { url, headers, answer }
      headers['x-jetty-grant'] = grant.token
      return { url: overEdge(url, edgeUrl), headers, answer }
    },
  }
}

function deadlineOf({ expiresInSeconds }: DownloadAnswer): number {
  return performance.now() + Math.max(1_000, expiresInSeconds * 1000 - MARGIN_MS)
}
