import { NOTHING_KNOWN, type Standing, type Viewer } from './measurement.ts'

/** What Redis knows of the paths, for one account and the region it is in. Redis 1; away, nothing is known. */
export async function readStanding(_viewer: Viewer): Promise<Standing> {
  return NOTHING_KNOWN
}
