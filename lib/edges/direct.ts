import { env, positionOf } from '../env.ts'
import type { RankInput } from './rank.ts'

/** The way straight to the store: where it answers, and where it stands if the deployment was told (LYVE_POSITION). */
export const directPath: RankInput['direct'] = {
  url: new URL(env.LYVE_ENDPOINT).origin,
  position: env.LYVE_POSITION === undefined ? null : positionOf(env.LYVE_POSITION),
}
