// Loaded into a program under measurement that runs with `--expose-gc`: tells, when asked over IPC, what memory it holds after a full
// collection. What a collector has not come to yet is no leak, and hides one.
import process from 'node:process'

process.on('message', () => {
  for (let times = 0; times < 3; times++) globalThis.gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({ rss: rss / 2 ** 20, held: (heapUsed + external) / 2 ** 20 })
})
process.channel?.unref()
