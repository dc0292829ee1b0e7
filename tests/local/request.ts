type Handler = (request: Request) => Promise<Response> | Response

export type CallOptions = {
  /** An API key, sent as the bearer token. */
  as?: string
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown
  headers?: Record<string, string>
}

export type Answer = {
  status: number
  /** Parsed when it is JSON, else the text. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by looking into it
  body: any
  headers: Headers
}

/** Calls an endpoint's handler as the platform does: `call(POST, 'POST', '/api/storage/upload', { as, body })`. */
// biome-ignore lint/complexity/useMaxParams: a call reads as the request it makes
export async function call(
  handler: Handler,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const response = await handler(requestOf(method, path, options))
  const text = await response.text()
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text,
    headers: response.headers,
  }
}

function requestOf(method: string, path: string, { as, body, headers }: CallOptions): Request {
  const sent = new Headers(headers)
  if (as) sent.set('authorization', `Bearer ${as}`)
  if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json')
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
  return new Request(new URL(path, 'http://localhost'), { method, headers: sent, body: text })
}
