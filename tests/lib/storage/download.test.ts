import { expect, test } from 'vitest'
import { loadStorage } from './open-store.ts'

const { attachment, presignDownload } = await loadStorage('https://s3.example:9000')

test.each([
  ['report.pdf', `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`],
  ['a "b" \\ c', `attachment; filename="a _b_ _ c"; filename*=UTF-8''a%20%22b%22%20_%20c`],
  ['ü😀.txt', `attachment; filename="__.txt"; filename*=UTF-8''%C3%BC%F0%9F%98%80.txt`],
  [
    "it's (1)*.txt",
    `attachment; filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`,
  ],
  ['100%25.txt', `attachment; filename="100_25.txt"; filename*=UTF-8''100%2525.txt`],
  [
    'a\r\nSet-Cookie: b',
    `attachment; filename="a__Set-Cookie: b"; filename*=UTF-8''a__Set-Cookie%3A%20b`,
  ],
  ['../up/\0\x7f\x85', `attachment; filename=".._up____"; filename*=UTF-8''.._up____`],
  ['lone\ud800', `attachment; filename="lone_"; filename*=UTF-8''lone_`],
  ['', `attachment; filename="download"; filename*=UTF-8''download`],
])('%j is offered under a safe name', (fileName, expected) => {
  expect(attachment(fileName)).toBe(expected)
})

test('a long name is cut between characters and keeps its extension', () => {
  const header = attachment(`${'😀'.repeat(256)}.tar`)
  const name = decodeURIComponent(header.split("UTF-8''")[1] ?? '')
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
  expect(name).toMatch(/^(😀)+\.tar$/u)
  expect(attachment(`a.${'b'.repeat(300)}`)).toContain(`"a.${'b'.repeat(253)}"`)
})

test('the URL forces an attachment and names type and lifetime', async () => {
  const url = new URL(
    await presignDownload('users/a@b/1', {
      fileName: 'page.html',
      contentType: 'text/html',
      expiresInSeconds: 300,
    }),
  )
  expect(`${url.origin}${url.pathname}`).toBe('https://s3.example:9000/jettyspeed/users/a%40b/1')
  expect(url.searchParams.get('response-content-disposition')).toMatch(/^attachment; /)
  expect(url.searchParams.get('response-content-type')).toBe('text/html')
  expect(url.searchParams.get('X-Amz-Expires')).toBe('300')
  expect(url.searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  expect(url.searchParams.has('x-amz-checksum-mode')).toBe(false)
})

test('a content type that is no header value becomes bytes', async () => {
  for (const contentType of ['', ' ', 'text/html\r\nx: y', 'ü/ü']) {
    const url = await presignDownload('k', { fileName: 'a', contentType, expiresInSeconds: 60 })
    const type = new URL(url).searchParams.get('response-content-type')
    expect(type).toBe('application/octet-stream')
  }
})
