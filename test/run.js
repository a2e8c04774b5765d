// npm test [-- PATTERN…] [--node | --deno] [--timeout SECONDS] [--again]
// --again runs the few files that failed once more, alone, and names those that then passed: they are races to mend.
// Every test file on Node, and those under core, plugins and scenarios on Deno too. Plain JavaScript, so that it starts without a loader.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { findChromium } from './runner/chromium.js'
import { findTests } from './runner/find-tests.js'
import { report, summary } from './runner/report.js'
import { denoMissing, runFile, stopAll } from './runner/run-file.js'

const { values: flags, positionals: patterns } = readArgs()
const both = flags.node === flags.deno
const tests = findTests(patterns)
const jobs = [
  ...(both || flags.node ? tests.map((test) => ({ ...test, runtime: 'node' })) : []),
  ...(both || flags.deno ? tests.filter((test) => test.onDeno).map((test) => ({ ...test, runtime: 'deno' })) : []),
]
if (jobs.length === 0) fail(`no test file matches ${patterns.join(' ') || 'test/**/*.test.ts'}`)

const notes = []
const env = { ...process.env, ...chromiumEnv() }
const missing = { deno: jobs.some((job) => job.runtime === 'deno') ? denoMissing() : undefined }
if (missing.deno) notes.push(missing.deno)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopAll()
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })
}

const results = []
const lanes = { shared: jobs.filter((job) => !job.alone), alone: jobs.filter((job) => job.alone) }
await drain(lanes.shared, availableParallelism())
await drain(lanes.alone, 1)
if (flags.again) await again()
process.exitCode = summary(results, notes) ? 0 : 1

async function drain(queue, width) {
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const result = missing[job.runtime]
        ? { job, passed: 0, failed: 0, skipped: 1, ms: 0, output: '', why: `skipped: ${missing[job.runtime]}` }
        : await runFile(job, { env, timeout: job.timeout ?? Number(flags.timeout) * 1000 })
      results.push(result)
      report(result)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** Where many files fail it is no race, and a second run would only hide half of it. */
async function again() {
  const failed = results.filter((result) => result.failed > 0)
  if (failed.length > 4) return
  for (const first of failed) {
    console.log(`again ${first.job.runtime} ${first.job.file}`)
    results.splice(results.indexOf(first), 1)
    await drain([first.job], 1)
    if (results.at(-1)?.failed === 0)
      notes.push(`failed once, passed when run again: ${first.job.file} (${first.job.runtime})`)
  }
}

function chromiumEnv() {
  if (!jobs.some((job) => job.browser)) return {}
  const found = findChromium()
  if (found.path) return { CHROME_PATH: found.path }
  notes.push(found.missing)
  return {}
}

function readArgs() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        node: { type: 'boolean', default: false },
        deno: { type: 'boolean', default: false },
        timeout: { type: 'string', default: '120' },
        again: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(`${error.message}\nusage: npm test -- [PATTERN…] [--node | --deno] [--timeout SECONDS] [--again]`)
  }
}

/** @returns {never} */
function fail(message) {
  console.error(message)
  console.log('0 passed, 1 failed')
  process.exit(2)
}
