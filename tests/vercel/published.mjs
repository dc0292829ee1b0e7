import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles } from './functions.mjs'

/**
 * What the deployment would publish must be public/ and nothing else, with the upload page and a page for each refusal.
 *
 * @returns {string[]} one sentence for each page that is missing or different and each file that must not be public
 */
export function checkPublished(project, output) {
  const pages = listFiles(join(project, 'public'))
  const folder = join(output, 'static')
  const published = existsSync(folder) ? listFiles(folder) : []

  const refusals = readdirSync(join(project, 'docs/errors')).map(
    (name) => `errors/${name.replace('.md', '')}/index.html`,
  )
  const made = ['index.html', 'style.css', 'controls.css', 'main.js', 'hash-worker.js'].map(
    (name) => `upload/${name}`,
  )
  const missing = [...pages, ...made, ...refusals].filter((page) => !published.includes(page))
  const foreign = published.filter((file) => !pages.includes(file))
  const different = pages.filter((page) => published.includes(page) && !same(project, folder, page))
  return [
    ...missing.map((page) => `public/${page} is not published`),
    ...different.map((page) => `public/${page} is published with other content`),
    ...foreign.map((file) => `${file} would be published, but is not under public/`),
  ]
}

function same(project, folder, page) {
  return readFileSync(join(project, 'public', page)).equals(readFileSync(join(folder, page)))
}
