/** One line for a file; for a failed one also everything that helps, without the assertions that held. */
export function report(result) {
  const { job, passed, failed, skipped, ms, why } = result
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`]
  const line = [failed > 0 ? 'FAIL' : 'ok  ', job.runtime, job.file, counts.filter(Boolean).join(', ')]
  console.log(`${line.join(' ')} (${(ms / 1000).toFixed(1)} s)${why ? `: ${why}` : ''}`)
  for (const reason of skipReasons(result.output)) console.log(`     ${reason}`)
  if (failed > 0) console.log(indent(withoutPasses(result.output) + (result.errors ?? '')))
}

/** Prints the closing lines; true when nothing failed. */
export function summary(results, notes) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0)
  const failed = results.filter((result) => result.failed > 0)
  for (const { job } of failed) console.log(`failed: npm test -- ${job.file} --${job.runtime}`)
  for (const note of notes) console.log(`note: ${note}`)
  const skipped = sum('skipped')
  console.log(`${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed.length === 0
}

function skipReasons(output) {
  return output.match(/^ *(?:ok|1\.\.0).* # (?:SKIP|TODO).*$/gim)?.map((line) => line.trim()) ?? []
}

function withoutPasses(output) {
  return output.replace(/^ *(?:ok \d.*|1\.\.\d+|TAP version 14|# time=.*)\n/gm, '').replace(/\n{2,}/g, '\n')
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, '     ')
}
