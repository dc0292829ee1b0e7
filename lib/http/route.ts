import { randomUUID } from 'node:crypto'
import { runJobsAfterRequest } from '../jobs/after-request.ts'
import { describeError, log } from '../log.ts'
import { Problem } from '../problem.ts'
import { rateHeaders } from './rate-headers.ts'

export type Handler = (request: Request) => Promise<Response>

/**
 * Turns whatever a handler throws into a problem+json response (RFC 9457) and gives every answer a request id. Periodic jobs
 * that are due run after the answer.
 */
export function route(handler: Handler): Handler {
  return async (request) => {
    const begun = Date.now()
    const requestId = request.headers.get('x-vercel-id') ?? randomUUID()
    const response = await answer(handler, request, requestId)
    runJobsAfterRequest(begun)
    response.headers.set('x-request-id', requestId)
    for (const [name, value] of rateHeaders(request)) response.headers.set(name, value)
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
    return response
  }
}

async function answer(handler: Handler, request: Request, requestId: string): Promise<Response> {
  try {
    return await handler(request)
  } catch (error) {
    return refuse(error, request, requestId)
  }
}

function refuse(error: unknown, request: Request, requestId: string): Response {
  const expected = error instanceof Problem
  const problem = expected
    ? error
    : new Problem('internal', 'The cause is in the log under the request id.')
  if (problem.status >= 500) {
    const { pathname } = new URL(request.url)
    log('error', problem.slug, {
      requestId,
      method: request.method,
      pathname,
      ...describeError(error),
    })
  }

  const headers = new Headers({ 'content-type': 'application/problem+json' })
  const { retryAfterSeconds } = problem.extras
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
  if (problem.status === 401) headers.set('www-authenticate', 'Bearer realm="jettyspeed"')
  return Response.json({ ...problem.document(), requestId }, { status: problem.status, headers })
}
