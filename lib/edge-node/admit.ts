import type { KeyObject } from 'node:crypto'
import { type Grant, readGrant } from '../edges/grant.ts'
import { checkHeaders } from './check-headers.ts'
import { checkUrl } from './check-url.ts'
import type { Refusal } from './refuse.ts'

/** A request as it came over the wire; `rawHeaders` alternates names and values, as Node has it. */
export type Arrival = {
  method: string
  url: string
  httpVersion: string
  rawHeaders: readonly string[]
}

/** What this relay serves: grants that name `id`, objects of one bucket. */
export type Place = { id: string; bucket: string; publicKey: KeyObject }

/** What goes to the origin: `url` is the request's, character for character; `headers` are those that may pass. */
export type Admitted = {
  method: 'PUT' | 'GET' | 'HEAD'
  url: string
  headers: Record<string, string>
  bodyBytes: number
  grant: Grant
}

/**
 * Decides whether a request may pass: a presigned PUT, GET or HEAD of an object under the prefix of a grant for this
 * relay. Pure; `now` is in Unix seconds. Bytes are not counted here.
 */
export function admit(arrival: Arrival, place: Place, now: number): Admitted | Refusal {
  const { method, url } = arrival
  if (arrival.httpVersion !== '1.1') return no('Only HTTP/1.1 is spoken here.')
  if (method !== 'PUT' && method !== 'GET' && method !== 'HEAD') {
    return no(`The method ${method} is not forwarded.`)
  }

  const headers = checkHeaders(method, arrival.rawHeaders)
  if ('refusal' in headers) return headers
  const grant = checkGrant(headers.grantToken, place, now)
  if ('refusal' in grant) return grant
  const fault = checkUrl(method, url, `/${place.bucket}/${grant.prefix}`)
  if (fault !== null) return no(fault)

  return { method, url, headers: headers.forwarded, bodyBytes: headers.bodyBytes, grant }
}

function checkGrant(token: string | null, place: Place, now: number): Grant | Refusal {
  if (token === null) {
    return { refusal: 'grant-required', detail: 'The header x-jetty-grant is missing.' }
  }
  const grant = readGrant(place.publicKey, token, now)
  if (grant === null) {
    return { refusal: 'grant-invalid', detail: 'The grant is not one that this relay can verify.' }
  }
  if (!grant.relays.includes(place.id)) {
    return { refusal: 'grant-invalid', detail: `The grant does not name the relay ${place.id}.` }
  }
  if (grant.exp <= now) {
    return { refusal: 'grant-expired', detail: 'Ask the control plane for a new grant.' }
  }
  return grant
}

function no(detail: string): Refusal {
  return { refusal: 'edge-refused', detail }
}
