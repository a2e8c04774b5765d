// npm test [-- PATTERN…] [--node | --deno] [--timeout SECONDS] [--again] [--record]
// --again runs the few files that failed up to twice more, alone, and names those that then passed: they are races to mend.
// --record writes down how long each file took, by which the next run begins with the longest.
// Without patterns small files share processes on Node; where something fails there, each runs again in its own.
// Every test file on Node, and those under core, plugins and scenarios on Deno too. Plain JavaScript, so that it starts without a loader.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { findChromium } from './runner/chromium.js'
import { findTests } from './runner/find-tests.js'
import { gather } from './runner/gather.js'
import { report, summary } from './runner/report.js'
import { denoMissing, runFile, stopAll } from './runner/run-file.js'
import { byLength, record } from './runner/schedule.js'

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
const whole = patterns.length === 0 && !flags.record
const shared = jobs.filter((job) => !job.alone)
const lanes = { shared: whole ? gather(shared) : shared, alone: jobs.filter((job) => job.alone) }
// A file waits for sockets and clocks for a third of its time: one more than there are cores keeps them busy.
await drain(byLength(lanes.shared), availableParallelism() + 1)
await drain(lanes.alone, 1)
if (flags.again) await again()
if (flags.record) record(results)
process.exitCode = summary(results, notes) ? 0 : 1

async function drain(queue, width) {
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const result = missing[job.runtime]
        ? { job, passed: 0, failed: 0, skipped: 1, ms: 0, output: '', why: `skipped: ${missing[job.runtime]}` }
        : await runFile(job, { env, timeout: timeoutOf(job) })
      report(result)
      // Together they say little about which of them it was.
      if (result.failed > 0 && job.members) queue.push(...job.members)
      else results.push(result)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** When all else has ended. Where many files fail it is no race, and a second run would only hide half of it. */
async function again() {
  const failed = results.filter((result) => result.failed > 0)
  if (failed.length > 4) return
  for (const first of failed) await runAgain(first)
}

async function runAgain(last) {
  const { job, why } = last
  for (const often of ['once', 'twice']) {
    console.log(`again ${job.runtime} ${job.file}`)
    results.splice(results.indexOf(last), 1)
    await drain([job], 1)
    last = results.at(-1)
    if (last.failed === 0) {
      notes.push(`failed ${often}, passed when run again: ${job.file} (${job.runtime})${why ? `: ${why}` : ''}`)
      return
    }
    if (last.ms >= timeoutOf(job) - 5_000) return // a third wait of that length tells nothing
  }
}

function timeoutOf(job) {
  return job.timeout ?? Number(flags.timeout) * 1000
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
        record: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(
      `${error.message}\nusage: npm test -- [PATTERN…] [--node | --deno] [--timeout SECONDS] [--again] [--record]`,
    )
  }
}

/** @returns {never} */
function fail(message) {
  console.error(message)
  console.log('0 passed, 1 failed')
  process.exit(2)
}
