// One upload with a published client, each as its documentation has it: node peer.mjs '{"client":"lib-storage",…}'.
// Prints what it measured as a line of JSON. Time runs from the first request to the last answer; loading the client and
// reading its settings come before.
const CLIENTS = { 'lib-storage': './lib-storage.mjs', tus: './tus.mjs', uppy: './uppy.mjs' }

const options = JSON.parse(process.argv[2] ?? '{}')
const { prepare } = await import(CLIENTS[options.client])
const upload = await prepare(options)
const cpuBefore = process.cpuUsage()
const begunAt = performance.now()
await upload()
const seconds = (performance.now() - begunAt) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ seconds, workCpuSeconds: (user + system) / 1e6 }))
process.exit(0)
