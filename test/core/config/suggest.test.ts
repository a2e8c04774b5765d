import t from 'tap'
import { distance, likely } from '../../../core/config/suggest.ts'

t.test('one letter more, less, other, or two swapped is one slip', async (t) => {
  t.equal(distance('port', 'ports'), 1)
  t.equal(distance('port', 'prt'), 1)
  t.equal(distance('port', 'pert'), 1)
  t.equal(distance('port', 'prot'), 1)
  t.equal(distance('port', 'port'), 0)
  t.equal(distance('abcdef', 'badcfe'), 3)
})

t.test('the nearest word is meant, however its parts are joined', async (t) => {
  const known = ['base_url', 'timeout', 'idle_timeout', 'port', 'host']
  t.equal(likely('baseUrl', known), 'base_url')
  t.equal(likely('base-url', known), 'base_url')
  t.equal(likely('IDLE_TIMEOUT', known), 'idle_timeout')
  t.equal(likely('timout', known), 'timeout')
  t.equal(likely('prot', known), 'port')
})

t.test('a word that is like none of them gets no guess', async (t) => {
  t.equal(likely('zebra', ['port', 'host']), undefined)
  t.equal(likely('abc', ['xyz']), undefined)
  t.equal(likely('x', []), undefined)
})
