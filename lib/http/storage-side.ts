import { env } from '../env.ts'

/** Where the storage side answers, and what a request to it must carry besides its own headers. */
export type StorageSide = { origin: string; headers: Record<string, string> }

/**
 * The deployment that plays the storage side: JETTYTHUNDER_API_URL, or with `self` this one, at the address that the
 * request came to. A preview behind Vercel's protection lets calls to itself pass by VERCEL_AUTOMATION_BYPASS_SECRET;
 * the secret goes to no other deployment.
 */
export function storageSideOf(request: Request): StorageSide {
  const { JETTYTHUNDER_API_URL: address, VERCEL_AUTOMATION_BYPASS_SECRET: bypass } = env
  if (address !== 'self') return { origin: new URL(address).origin, headers: {} }
  const { origin } = new URL(request.url)
  return { origin, headers: bypass ? { 'x-vercel-protection-bypass': bypass } : {} }
}
