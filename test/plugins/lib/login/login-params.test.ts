import t from 'tap'
import { maxAgeOf, passedParams } from '../../../../plugins/lib/login/login-params.ts'

const names = ['login_hint', 'prompt', 'max_age', 'acr_values', 'ui_locales']
const passed = (query: string) => passedParams(new URLSearchParams(query), names)

t.test('what is listed goes on, in the order of the list; all else stays', async (t) => {
  t.strictSame(passed('prompt=login%20consent&login_hint=bob&scope=admin&state=x&max_age=0'), [
    ['login_hint', 'bob'],
    ['prompt', 'login consent'],
    ['max_age', '0'],
  ])
  t.strictSame(passedParams(new URLSearchParams('login_hint=bob'), []), [])
})

t.test('what is doubled, too long, of another kind or no text is dropped', async (t) => {
  for (const query of [
    'login_hint=a&login_hint=b',
    `login_hint=${'a'.repeat(257)}`,
    'login_hint=',
    'login_hint=a%0d%0ab',
    'login_hint=a%00',
    'prompt=anything',
    'prompt=login%20',
    'max_age=-1',
    'max_age=1e9',
    'max_age=9999999999',
    'LOGIN_HINT=a',
  ])
    t.strictSame(passed(query), [], query)
})

t.test('max_age counts from wherever it came', async (t) => {
  t.equal(maxAgeOf([['prompt', 'login']], [['max_age', '60']]), 60)
  t.equal(maxAgeOf([]), undefined)
})
