import { Problem } from '../problem.ts'
import { getCapabilities } from '../storage/capabilities.ts'
import type { Capabilities } from '../storage/capability.ts'
import type { ChecksumMode } from './upload.ts'

/** Capabilities of a store that can be trusted with uploads. */
export type UsableStore = Capabilities & { checksum: ChecksumMode }

/**
 * The store's capabilities, from memory (the first call of a process adds one SQL).
 *
 * @throws Problem `store-unsafe` where it checks no digest of a part, or lets a signed PUT copy foreign objects
 */
export async function usableStore(): Promise<UsableStore> {
  const capabilities = await getCapabilities()
  const { checksum, unsignedCopySource } = capabilities
  if (checksum === 'none') {
    throw new Problem(
      'store-unsafe',
      'The store checks neither x-amz-checksum-sha256 nor Content-MD5 of a part.',
    )
  }
  if (unsignedCopySource === 'honoured') {
    throw new Problem(
      'store-unsafe',
      'The store lets the holder of a signed PUT copy foreign objects.',
    )
  }
  return { ...capabilities, checksum }
}
