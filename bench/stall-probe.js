// Loaded by `--import` into a program under measurement: tells, when asked over IPC, the longest its loop was held since last asked,
// and the processor time of the process so far.
import process from 'node:process'

let longest = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  longest = Math.max(longest, now - last - 1)
  last = now
}, 1).unref()
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ longest, cpu: (user + system) / 1000 })
  longest = 0
})
process.channel?.unref()
