const light = /^test\/(core\/(config|metrics|resources|run)|plugins|raw)\//
const perProcess = 8
const timeout = 300_000

/**
 * Loading the modules takes most of the time of a small file on Node; on Deno it takes little. So small ones share a process there. A file
 * that says something of its own in its first lines runs alone.
 */
export function gather(jobs) {
  const small = jobs.filter((job) => job.runtime === 'node' && light.test(job.file) && !job.alone && !job.timeout)
  const count = Math.ceil(small.length / perProcess)
  const gathered = Array.from({ length: count }, (_, i) => {
    const members = small.slice(i * perProcess, (i + 1) * perProcess)
    if (members.length === 1) return members[0]
    return {
      runtime: 'node',
      file: `${members[0].file} and ${members.length - 1} more`,
      members,
      number: i + 1,
      timeout,
    }
  })
  return [...gathered, ...jobs.filter((job) => !small.includes(job))]
}
