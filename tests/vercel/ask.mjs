// Runs in a fresh process, as the platform would: loads the handler that `.vc-config.json` names, puts it behind a
// server and sends it one request. Arguments: folder of the function, its name, path of the handler, its entry module.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

const [folder, name, handler, entry] = process.argv.slice(2)
process.chdir(folder)

const endpoint = await import(pathToFileURL(entry).href)
const method = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].find((verb) => endpoint[verb])
const loaded = await import(pathToFileURL(handler).href)
const answer =
  typeof loaded.default === 'function' ? await askServer(loaded.default) : await askDirectly()
process.stdout.write(JSON.stringify({ method: method ?? null, ...(await describe(answer)) }))
process.exit(0)

/** The shared handler of grouped functions takes (req, res) and finds its endpoint by a header the router sets. */
async function askServer(listener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/${name}`
  return fetch(url, { method, headers: { 'x-matched-path': `/${name}` } })
}

/** A function on its own: the launcher calls the export named like the method with a Request. */
function askDirectly() {
  return loaded[method](new Request(`https://check.invalid/${name}`, { method }))
}

async function describe(response) {
  const body = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: body.slice(0, 400),
  }
}
