import { Worker } from 'node:worker_threads'
import { currentStage, onStageName } from '../run/current-stage.ts'

/** How long the event loop may stand still before whoever holds it is named. */
const BLOCKED_MS = 1_000
const BEAT_MS = 100

/**
 * Names the stage that blocks the event loop, also one that never gives it back: a thread of its own watches a heartbeat and the number
 * of the stage that runs, and writes to stdout itself, as the loop that would write for it stands still. For a process, not for each server in it.
 */
export function startWatchdog(): () => Promise<void> {
  const workerData = { cells: currentStage, blockedMs: BLOCKED_MS, beatMs: BEAT_MS }
  const worker = new Worker(source, { eval: true, workerData })
  worker.unref()
  worker.on('error', () => {}) // without a watchdog everything else still works
  onStageName((number, name) => worker.postMessage({ number, name }))
  const beat = setInterval(() => {
    currentStage[0] = (currentStage[0]! + 1) | 0
  }, BEAT_MS)
  beat.unref()
  return async () => {
    clearInterval(beat)
    await worker.terminate()
  }
}

const source = `
const { workerData: { cells, blockedMs, beatMs }, parentPort } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const names = []
parentPort.on('message', ({ number, name }) => { names[number] = name })
let beat = -1, since = Date.now(), told = false
setInterval(() => {
  const now = Atomics.load(cells, 0), stage = names[Atomics.load(cells, 1)]
  if (now !== beat) { beat = now; since = Date.now(); told = false; return }
  const ms = Date.now() - since
  if (told || ms < blockedMs) return
  told = true
  const who = stage === undefined ? 'something outside of a stage, or after its first wait, holds' : 'stage ' + stage + ' holds'
  const msg = 'loop_blocked: ' + who + ' the event loop; every request waits for it'
  try { writeSync(1, JSON.stringify({ level: 50, time: Date.now(), stage, blocked_ms: ms, msg }) + '\\n') } catch {}
}, beatMs)
`
