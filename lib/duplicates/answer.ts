import { fileNameOf } from '../files/path.ts'
import type { Duplicate } from './find.ts'
import { usdOf } from './price.ts'

/** Whether a content is here. `file` is null while no file of the account has it, `url` while its file is in the trash. */
export type DuplicateCheck =
  | { isDuplicate: false; message: string }
  | {
      isDuplicate: true
      file: DuplicateFile | null
      savings: { bytes: number; cost: number }
      message: string
    }

/** The file that has the content; times are RFC 3339. */
export type DuplicateFile = {
  fileId: string
  url: string | null
  fileName: string
  fileSize: number
  mimeType: string
  uploadCount: number
  firstUploadedAt: string
}

/** A file that a check has just made of a content that was here. */
export type Clone = { fileId: string; path: string; contentType: string }

/** What a content that is not stored answers. `fileName` is what the caller calls it. */
export function missOf(fileName: string | undefined): DuplicateCheck {
  return { isDuplicate: false, message: `${nameOf(fileName)} is not stored yet.` }
}

/** What a stored content answers: of its clone where one was made, else of the file that has it. */
export function hitOf(
  duplicate: Duplicate,
  clone: Clone | null,
  fileName: string | undefined,
): DuplicateCheck {
  const { fileSize } = duplicate
  const stored = `${nameOf(fileName)} is stored already`
  return {
    isDuplicate: true,
    file: clone ? fileOfClone(clone, duplicate) : fileOf(duplicate),
    savings: { bytes: fileSize, cost: usdOf(fileSize) },
    message: `${stored}${clone ? ` and now also at ${clone.path}` : whereOf(duplicate)}: ${fileSize} bytes need not be sent.`,
  }
}

/** Where a file is downloaded: as long as it is not in the trash. */
export function downloadUrlOf(fileId: string): string {
  return `/api/storage/download?fileId=${fileId}`
}

function fileOfClone({ fileId, path, contentType }: Clone, duplicate: Duplicate): DuplicateFile {
  const fileName = fileNameOf(path)
  return {
    ...describe(duplicate),
    fileId,
    url: downloadUrlOf(fileId),
    fileName,
    mimeType: contentType,
  }
}

function fileOf(duplicate: Duplicate): DuplicateFile | null {
  const { fileId, fileName, contentType, trashed } = duplicate
  if (fileId === null || fileName === null || contentType === null) return null
  const url = trashed ? null : downloadUrlOf(fileId)
  return { ...describe(duplicate), fileId, url, fileName, mimeType: contentType }
}

function describe({ fileSize, uploadCount, firstUploadedAt }: Duplicate) {
  return { fileSize, uploadCount, firstUploadedAt }
}

function whereOf({ fileId, trashed }: Duplicate): string {
  if (fileId === null) return ', though no file has it'
  return trashed ? ', in the trash' : ''
}

function nameOf(fileName: string | undefined): string {
  return fileName ?? 'This content'
}
