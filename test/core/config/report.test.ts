import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { ConfigError, formatPlace, formatProblem, Report } from '../../../core/config/report.ts'

const at = (line: number, column = 1, file = 'a.yaml') => ({ file, line, column })

t.test('problems come by file, line and column, and once each', async (t) => {
  const report = new Report()
  report.error(at(2), 'two')
  report.warn(at(1, 9), 'later')
  report.error(at(1, 2), 'early')
  report.error(at(2), 'two')
  report.notice(at(9, 1, 'A.yaml'), 'other file')
  t.same(report.problems.map(formatProblem), [
    'A.yaml:9:1 notice other file',
    'a.yaml:1:2 error early',
    'a.yaml:1:9 warning later',
    'a.yaml:2:1 error two',
  ])
})

t.test('only errors fail', async (t) => {
  const report = new Report()
  report.warn(at(1), 'hm')
  t.notOk(report.failed)
  report.error(at(1), 'no')
  t.ok(report.failed)
})

t.test('a file below the current directory is named from there', async (t) => {
  t.equal(formatPlace(at(1, 1, join(process.cwd(), 'config', 'a.yaml'))), `${join('config', 'a.yaml')}:1:1`)
  t.equal(formatPlace(at(1, 1, join(process.cwd(), '..', 'a.yaml'))), `${join(process.cwd(), '..', 'a.yaml')}:1:1`)
})

t.test('a message stays on its line: a key with a newline cannot forge another problem', async (t) => {
  const report = new Report()
  report.error(at(1), 'unknown key "x\nb.yaml:1:1 error fake"')
  t.equal(report.problems.map(formatProblem).join('\n').split('\n').length, 1)
})

t.test('a ConfigError says all of it', async (t) => {
  const report = new Report()
  report.error(at(1), 'one')
  report.error(at(2), 'two')
  t.equal(new ConfigError(report.problems).message, 'a.yaml:1:1 error one\na.yaml:2:1 error two')
})
