import t from 'tap'
import { safeReturnTo } from '../../../../plugins/lib/login/return-to.ts'

const home = 'https://app.example.com'

t.test('a path of this origin stays, with its query and fragment', async (t) => {
  for (const path of ['/', '/a/b', '/a?x=1&y=%0A', '/a#part', '/a%20b', '/b?u=https://evil.test', '/search?q=//x'])
    t.equal(safeReturnTo(path, home), path)
  t.equal(safeReturnTo('/a/../b', home), '/b')
  t.equal(safeReturnTo(`${home}/a?b`, home), '/a?b')
})

t.test(
  'BCP-6, CVE-2020-5233, -11053, -4037, CVE-2024-39694: anything that leads away, or that parsers read in two ways, becomes /',
  async (t) => {
    const away = [
      ...[
        '//evil.test',
        '///evil.test',
        '/\\evil.test',
        '\\\\evil.test',
        '/\t/evil.test',
        '/\n/evil.test',
        '\t//evil.test',
      ],
      ...[
        'https://evil.test',
        'https:evil.test',
        'http:/evil.test',
        'javascript:alert(1)',
        'data:text/html,x',
        'evil.test',
      ],
      ...[
        '/.//evil.test',
        '/x/..//evil.test',
        '/%2e//evil.test',
        '/%09/evil.test',
        '/%5Cevil.test',
        '/a%0d%0aSet-Cookie:x',
      ],
      ...['https://app.example.com.evil.test/', 'https://app.example.com@evil.test/', 'https://u:p@app.example.com/'],
      ...[
        'http://app.example.com/',
        'https://app.example.com:444/',
        `/${'a'.repeat(3000)}`,
        ' /x',
        '/%',
        '',
        '/\u2028x',
      ],
      ...['/ \t/evil.test', '/%20/../%09/evil.test'],
      ...['/\u0085/evil.test', '/%2f%2fevil.test/..//evil.test', '/%E2%80%A8x', '\u00a0//evil.test'],
      ...['@evil.test', '?x', '#x', '/\u0000', 'HTTPS://EVIL.TEST', '//app.example.com@evil.test'],
    ]
    t.strictSame(
      away.filter((target) => safeReturnTo(target, home) !== '/'),
      [],
    )
    t.equal(safeReturnTo(null, home), '/')
  },
)

t.test('a page of an allowed origin is gone back to, whole; of none that only looks like it', async (t) => {
  const dev = 'http://localhost:5173'
  const to = (wanted: string) => safeReturnTo(wanted, home, new Set([dev, 'https://www.example.com']))
  for (const page of [`${dev}/`, `${dev}/a/b?x=1#part`, 'https://www.example.com/']) t.equal(to(page), page)
  t.equal(to('/own'), '/own')
  t.equal(to(`${home}/own`), '/own')
  const looksLike = [`${dev}.evil.test/`, `${dev}@evil.test/`, `${dev}//evil.test`, `${dev}/.//evil.test`]
  looksLike.push('http://localhost:51730/', 'https://localhost:5173/', `${dev}/\\evil.test`, `${dev}/auth/logout`)
  for (const wanted of looksLike) t.equal(to(wanted), '/', wanted)
})

t.test('a login that ends at the login or the logout would never end well', async (t) => {
  for (const target of ['/auth/login', '/auth/logout?x', '/%61uth/logout', '/AUTH/logout', '/auth', '/x/../auth/login'])
    t.equal(safeReturnTo(target, home), '/', target)
  t.equal(safeReturnTo('/authors', home), '/authors')
})

t.test(
  'whatever is answered, browsers stay here: judged by their own parser, as a Location and as a link',
  async (t) => {
    const pieces = [
      '/',
      '//',
      '\\',
      '\t',
      '\n',
      '\r',
      ' ',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '%09',
      '@',
      ':',
      '?',
      '#',
      'evil.test',
    ]
    pieces.push(
      '\u2028',
      '\u3000',
      '\uff0f',
      '\u2215',
      '\u29f8',
      '\ufeff',
      'https:',
      'javascript:',
      'app.example.com',
      '%00',
      'a',
    )
    // Every path of up to four pieces begins in one of these ways; a fixed walk through them, the same each time.
    for (let n = 0; n < 40_000; n++) {
      const wanted = [n, n * 7 + 3, Math.floor(n / 29), Math.floor(n / 841)]
        .map((i) => pieces[i % pieces.length])
        .join('')
      const to = safeReturnTo(wanted, home)
      const url = new URL(to, home)
      if (
        url.origin !== home ||
        !to.startsWith('/') ||
        to.startsWith('//') ||
        new URL(to, `${home}/auth/callback?code=x`).origin !== home
      )
        t.fail(`${JSON.stringify(wanted)} became ${to}`)
    }
    t.pass('40,000 targets')
  },
)
