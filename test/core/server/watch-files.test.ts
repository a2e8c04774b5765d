import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { watchFiles } from '../../../core/server/watch-files.ts'
import { tempDir } from '../../kit/bascule.ts'

const LOOK = 20

/** Watches DIR/config/settings.yaml; `next` is the next time it is told of a change. */
function start(t: Test, home = tempDir(t, { 'config/settings.yaml': 'first' })) {
  const dir = join(home, 'config')
  const file = join(dir, 'settings.yaml')
  let told = 0
  let wake = () => {}
  const stop = watchFiles(
    () => [file, join(dir, 'routes.yaml')],
    () => {
      told++
      wake()
    },
    LOOK,
  )
  t.teardown(stop)
  const alive = setInterval(() => {}, 1000) // watching alone keeps no process
  t.teardown(() => clearInterval(alive))
  return {
    home,
    dir,
    file,
    stop,
    count: () => told,
    next: () => new Promise<void>((resolve) => (wake = resolve)),
  }
}

t.test('a change is told once, however the file came to change', async (t) => {
  const w = start(t)
  let changes = 0
  const change = async (what: string, make: () => void) => {
    const told = w.next()
    make()
    await told
    t.equal(w.count(), ++changes, what)
  }
  await change('written in place', () => writeFileSync(w.file, 'second'))
  await change('another file renamed over it', () => {
    writeFileSync(`${w.file}.new`, 'third')
    renameSync(`${w.file}.new`, w.file)
  })
  await change('another file of the config appears', () => writeFileSync(join(w.dir, 'routes.yaml'), 'new'))
  await change('the directory is replaced', () => {
    renameSync(w.dir, `${w.dir}.old`)
    mkdirSync(w.dir)
    writeFileSync(w.file, 'fourth')
  })
  await change('the directory is deleted', () => rmSync(w.dir, { recursive: true }))
  await change('and is back', () => {
    mkdirSync(w.dir)
    writeFileSync(w.file, 'fifth')
  })
  await change('the directory becomes a link, as config maps are', () => {
    renameSync(w.dir, join(w.home, '..data'))
    writeFileSync(join(w.home, '..data', 'settings.yaml'), 'sixth')
    symlinkSync('..data', w.dir)
  })
})

t.test('what has the same content has not changed', async (t) => {
  const w = start(t)
  writeFileSync(w.file, 'first')
  renameSync(w.dir, `${w.dir}.old`)
  renameSync(`${w.dir}.old`, w.dir)
  const later = start(t)
  const told = later.next()
  writeFileSync(later.file, 'second')
  await told // by then the other has looked as often
  t.equal(w.count(), 0)
})

t.test('nothing is told after the end', async (t) => {
  const w = start(t)
  const still = start(t, w.home)
  w.stop()
  const told = still.next()
  writeFileSync(w.file, 'second')
  await told
  t.equal(w.count(), 0)
})
