// Part of `vercel-build` and `dev`: a page for each refusal, so that a problem's `type` (/errors/<slug>) is an address that
// answers. Made from docs/errors/*.md into public/errors/<slug>/index.html, which git ignores. Those documents use headings,
// paragraphs, fenced code, `code` and **bold**; nothing else is understood, and everything is escaped.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const source = join(root, 'docs/errors')
const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}' +
  'pre{background:#f4f4f4;padding:1rem;overflow:auto}code{font-size:.9em}'

for (const name of readdirSync(source).filter((file) => file.endsWith('.md'))) {
  const slug = name.slice(0, -'.md'.length)
  const folder = join(root, 'public/errors', slug)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.html'), pageOf(slug, readFileSync(join(source, name), 'utf8')))
}

function pageOf(slug, markdown) {
  // Odd pieces lie between fences.
  const pieces = markdown.split(/^```\w*\n/m)
  const body = pieces.map((piece, index) =>
    index % 2 ? `<pre>${escapeHtml(piece)}</pre>` : textOf(piece),
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${slug} - JettySpeed</title>
<style>${STYLE}</style>
${body.join('')}
</html>
`
}

function textOf(piece) {
  const blocks = piece.split(/\n{2,}/).filter((block) => block.trim() !== '')
  return blocks.map(blockOf).join('\n')
}

function blockOf(block) {
  const [, marks, title] = /^(#{1,3}) (.*)$/s.exec(block.trim()) ?? []
  if (marks) return `<h${marks.length}>${inline(title)}</h${marks.length}>`
  return `<p>${inline(block.trim())}</p>`
}

function inline(text) {
  return escapeHtml(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
}

function escapeHtml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
