/** What an element can hold: text, elements by name, or several of one name. */
export type Content =
  | string
  | number
  | boolean
  | undefined
  | Content[]
  | { [name: string]: Content }

const HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A document with one root. Undefined members are left out; an array repeats its element. */
export function document(root: string, content: Content): string {
  return HEADER + write(root, content, ` xmlns="${NAMESPACE}"`)
}

/** The same without S3's namespace, as errors are written. */
export function element(root: string, content: Content): string {
  return HEADER + write(root, content, '')
}

/** The inner text of every `<name>` in a piece of XML, namespace prefixes and attributes aside. */
export function elements(xml: string, name: string): string[] {
  const pattern = new RegExp(
    `<(?:\\w+:)?${name}(?:\\s[^>]*)?>([\\s\\S]*?)</(?:\\w+:)?${name}>`,
    'g',
  )
  return Array.from(xml.matchAll(pattern), (match) => match[1] ?? '')
}

/** The unescaped text of the first `<name>`, if there is one. */
export function text(xml: string, name: string): string | undefined {
  const inner = elements(xml, name)[0]
  return inner === undefined ? undefined : plainText(inner.trim())
}

function write(name: string, content: Content, attributes: string): string {
  if (content === undefined) return ''
  if (Array.isArray(content)) return content.map((each) => write(name, each, attributes)).join('')
  return `<${name}${attributes}>${inner(content)}</${name}>`
}

function inner(content: Exclude<Content, undefined | Content[]>): string {
  if (typeof content !== 'object') return escapeText(String(content))
  return Object.entries(content)
    .map(([name, member]) => write(name, member, ''))
    .join('')
}

function escapeText(raw: string): string {
  // Control characters are legal in keys; XML 1.0 has no way to write most of them, so S3 writes references.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return raw.replace(/[&<>"'\u0000-\u001f]/g, (character) => `&#${character.charCodeAt(0)};`)
}

function plainText(escaped: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return escaped.replace(/&(#?\w+);/g, (whole, reference: string) => {
    if (!reference.startsWith('#')) return named[reference] ?? whole
    const code = Number(reference.slice(1).replace(/^x/i, '0x'))
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
