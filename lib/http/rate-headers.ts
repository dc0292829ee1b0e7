/** What is left of an account's calls: `limit` a minute, `remaining` at once, all of them again in `resetSeconds`. */
export type Rate = { limit: number; remaining: number; resetSeconds: number; retryAfterMs: number }

const rates = new WeakMap<Request, Rate>()

/** Keeps what is left for the answer to this request. */
export function noteRate(request: Request, rate: Rate): void {
  rates.set(request, rate)
}

/** RateLimit-Policy and RateLimit of an answer (draft-ietf-httpapi-ratelimit-headers-10); none where nothing was counted. */
export function rateHeaders(request: Request): [name: string, value: string][] {
  const rate = rates.get(request)
  if (!rate) return []
  const { limit, remaining, resetSeconds } = rate
  return [
    ['ratelimit-policy', `"calls";q=${limit};w=60`],
    ['ratelimit', `"calls";r=${remaining};t=${resetSeconds}`],
  ]
}
