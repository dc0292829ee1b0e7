// Runs in a fresh process: prints the CPU milliseconds of importing the module named by the first argument, then those
// of a fixed piece of work in the same process.
import { Script } from 'node:vm'

const module = process.argv[2]
const imported = await cpuMs(() => import(module))
const fixed = await cpuMs(calibrate)
process.stdout.write(JSON.stringify({ imported, fixed }))
process.exit(0)

async function cpuMs(work) {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Parses, compiles and runs 1,500 small functions: what an import spends its time on. */
function calibrate() {
  const numbers = Array.from({ length: 1500 }, (_, n) => n)
  const functions = numbers.map(
    (n) =>
      `function f${n}(a, b) { return [a, b, ${n}].map((x) => ({ x, n: x * ${n} })).filter(({ n }) => n > b) }`,
  )
  const calls = numbers.map((n) => `f${n}(${n}, 2)`)
  new Script([...functions, ...calls].join('\n')).runInThisContext()
}
