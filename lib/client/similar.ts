import type { Api } from './api.ts'
import type {
  DuplicateGroup,
  DuplicatePage,
  SimilarAnswer,
  SimilarAsk,
  SimilarFile,
} from './wire-similar.ts'

const FILES_MAX = 100
const CONTENTS_A_PAGE = 200

/** The account's files that share at least `threshold` with a file or a content, the most alike first; one call. */
export async function askSimilar(
  api: Api,
  asked: SimilarAsk,
  threshold: number,
): Promise<SimilarAnswer> {
  return await api.call('POST', '/api/jetty/similar', { ...asked, threshold, limit: FILES_MAX })
}

/** Likely duplicates in the whole account, each group whole; one call for 200 stored contents. */
export async function askDuplicates(api: Api, threshold: number): Promise<DuplicateGroup[]> {
  const groups = new Map<string, { group: DuplicateGroup; files: Map<string, SimilarFile> }>()
  let cursor: string | null = ''
  do {
    const query = new URLSearchParams({
      threshold: `${threshold}`,
      limit: `${CONTENTS_A_PAGE}`,
      ...(cursor ? { cursor } : {}),
    })
    const page: DuplicatePage = await api.call('GET', `/api/jetty/similar?${query}`)
    for (const group of page.groups) {
      const key = `${group.fileHash} ${group.fileSize}`
      const { files } = groups.get(key) ?? { files: new Map() }
      for (const file of group.files) files.set(file.fileId, file)
      groups.set(key, { group, files })
    }
    cursor = page.cursor
  } while (cursor)
  return [...groups.values()].map(({ group, files }) => ({
    ...group,
    files: sorted(files, group.fileHash),
  }))
}

/** The content that all others are like comes first. */
function sorted(files: Map<string, SimilarFile>, fileHash: string): SimilarFile[] {
  const rank = (file: SimilarFile) => (file.fileHash === fileHash ? 2 : file.similarity)
  return [...files.values()].sort((a, b) => rank(b) - rank(a) || (a.path < b.path ? -1 : 1))
}
