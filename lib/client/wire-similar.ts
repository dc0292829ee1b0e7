/** A stored file and the share, 0 to 1, of the larger one's bytes that it has in common with what was asked about. */
export type SimilarFile = {
  fileId: string
  path: string
  fileSize: number
  fileHash: string
  similarity: number
}

/** What others are to be like: a stored file, or a content by its sketch (bins in base64). */
export type SimilarAsk =
  | { fileId: string }
  | { fileSize: number; fileHash: string; sketch: { distinctBytes: number; bins: string } }

/** `compared` is false where only files of the very same content could be told. */
export type SimilarAnswer = { files: SimilarFile[]; compared: boolean }

/** Files of one content and those like it. A group may come again on a later page, with further files. */
export type DuplicateGroup = { fileHash: string; fileSize: number; files: SimilarFile[] }

export type DuplicatePage = { groups: DuplicateGroup[]; cursor: string | null }
