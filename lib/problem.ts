/** Everything this service refuses to do, and the status it refuses with. Each slug has a page: docs/errors/<slug>.md. */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'The API key is missing or not accepted' },
  'account-suspended': { status: 403, title: 'The account is suspended' },
  'account-deleted': { status: 403, title: 'The account is deleted' },
  'quota-exceeded': { status: 403, title: 'The upload does not fit the storage quota' },
  'bandwidth-exceeded': {
    status: 403,
    title: 'The download does not fit the monthly bandwidth quota',
  },
  'proof-refused': { status: 403, title: 'The proof of possession is not accepted' },
  'not-found': { status: 404, title: 'There is no such thing in this account' },
  'path-taken': { status: 409, title: 'Another file already has this path' },
  'upload-closed': { status: 409, title: 'The upload is not open any more' },
  'account-conflict': { status: 409, title: 'The account was asked for differently before' },
  'webhook-conflict': { status: 409, title: 'This webhook id was used for another message' },
  'session-closed': { status: 409, title: 'The session has ended' },
  'edge-conflict': { status: 409, title: 'The edge cannot go into this state' },
  'parts-missing': { status: 409, title: 'Parts of the upload are not stored' },
  'parts-mismatch': { status: 409, title: 'Stored parts differ from the declared content' },
  'too-large': { status: 413, title: 'The request or the file is larger than allowed' },
  'content-mismatch': {
    status: 422,
    title: 'Size, part digests and content id do not belong together',
  },
  'progress-mismatch': { status: 422, title: 'The reported progress does not fit the upload' },
  'events-url-refused': { status: 422, title: 'Events cannot be sent to this address' },
  'rate-limited': { status: 429, title: 'Too many calls in a short time' },
  'edge-unreachable': { status: 422, title: 'Nothing answers as this edge at its address' },
  internal: { status: 500, title: 'Something failed on our side' },
  'storage-side-unavailable': { status: 503, title: 'The storage side does not answer' },
  'store-unavailable': { status: 503, title: 'The storage service does not answer' },
  'store-unsafe': { status: 503, title: 'The storage service cannot be used safely' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemSlug = keyof typeof PROBLEMS

export function isProblemSlug(text: string): text is ProblemSlug {
  return Object.hasOwn(PROBLEMS, text)
}

/** What helps a caller act on a refusal; each is a member of the problem document (RFC 9457, section 3.2). */
export type ProblemExtras = {
  errors?: { pointer: string; detail: string }[]
  quota?: { quotaBytes: number; usedBytes: number; reservedBytes: number; neededBytes: number }
  retryAfterSeconds?: number
  [member: string]: unknown
}

/** The body of a refusal (RFC 9457). `type` is relative, so it resolves against the deployment that answered. */
export type ProblemDocument = {
  type: string
  title: string
  status: number
  detail: string
} & ProblemExtras

/** An expected refusal. Anything in lib/ may throw it; `route()` renders it. */
export class Problem extends Error {
  readonly slug: ProblemSlug
  readonly extras: ProblemExtras

  constructor(slug: ProblemSlug, detail: string, extras: ProblemExtras & { cause?: unknown } = {}) {
    const { cause, ...rest } = extras
    super(detail, { cause })
    this.name = 'Problem'
    this.slug = slug
    this.extras = rest
  }

  get status(): number {
    return PROBLEMS[this.slug].status
  }

  document(): ProblemDocument {
    const { status, title } = PROBLEMS[this.slug]
    return { type: `/errors/${this.slug}`, title, status, detail: this.message, ...this.extras }
  }
}
