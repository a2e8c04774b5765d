import { readFileSync, writeFileSync } from 'node:fs'

const list = new URL('seconds.json', import.meta.url)
const short = 3

/** Longest first, as last recorded: a long file that starts last keeps all cores but one idle. */
export function byLength(jobs, seconds = JSON.parse(readFileSync(list, 'utf8'))) {
  return jobs.toSorted((a, b) => (seconds[nameOf(b)] ?? 0) - (seconds[nameOf(a)] ?? 0))
}

/** Writes down what took longer than most. */
export function record(results) {
  const long = results.filter(({ ms, failed }) => failed === 0 && ms >= short * 1000).sort((a, b) => b.ms - a.ms)
  const seconds = Object.fromEntries(long.map(({ job, ms }) => [nameOf(job), Math.round(ms / 1000)]))
  writeFileSync(list, `${JSON.stringify(seconds, null, 2)}\n`)
}

function nameOf({ runtime, file }) {
  return `${runtime} ${file}`
}
