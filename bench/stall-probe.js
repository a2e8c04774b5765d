// Loaded by `--import` into a program under measurement: tells, when asked over IPC, the longest its loop was held since last asked.
import process from 'node:process'

let longest = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  longest = Math.max(longest, now - last - 1)
  last = now
}, 1).unref()
process.on('message', () => {
  process.send?.({ longest })
  longest = 0
})
process.channel?.unref()
