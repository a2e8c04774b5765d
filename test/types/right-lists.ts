// Orders that are right, in every way a list may be written. It is part of `tsc --noEmit`, like right.ts.
import { type BasculeOptions, createBascule, defineStage, type Kit, type Stage } from '../../core/index.ts'
import { forward, headerInject, log, routeMatch, sessionAuth, tokenResolve } from '../../plugins/index.ts'
import { filter, observer, plainFilter } from './right.ts'

const routes = [{ id: 'a', path: '/a', target_service: 'a', preserve_path: true, forward_cookies: ['theme'] }]

export const byObject = createBascule({
  stages: [routeMatch, sessionAuth, tokenResolve, headerInject, forward, log],
  services: { a: { base_url: 'http://127.0.0.1:1', timeout: '5s' } },
  routes,
  settings: { auth: { issuer: 'https://idp.example' }, session: { idle_timeout: '1h' } },
  server: { public_url: 'https://app.example', drain_timeout: 10 },
  log: { level: 'warn' },
})

export const byName = createBascule({
  stages: ['log', 'route-match', 'session-auth', { use: 'token-resolve' }, 'header-inject', 'forward'],
  routes,
})

export const withOnesOwn = createBascule({
  // An observer may stand anywhere, also before what it wants.
  stages: [
    observer,
    routeMatch,
    sessionAuth,
    { use: filter, with: { header: 'x-tenant' } },
    plainFilter,
    headerInject,
    forward,
  ],
  routes,
})

/** The types of a stage come from the stage, also where it is written inside the list. */
export const inside = createBascule({
  stages: [
    routeMatch,
    defineStage({
      name: 'acme-inside',
      needs: ['route'],
      setup: () => () => ({
        run: (x) => (x.get('route').id === 'a' ? x.proceed() : x.reply(403, 'FORBIDDEN')),
      }),
    }),
    headerInject,
    forward,
  ],
  routes,
})

declare const packaged: (kit: Kit) => typeof plainFilter
export const fromPackages = createBascule({ stages: [routeMatch, packaged, headerInject, forward], routes })

/** What the compiler cannot know is proven when it is loaded. */
declare const some: readonly Stage[]
export const made = createBascule({ stages: some, routes })
export const partlyMade = createBascule({ stages: [routeMatch, some[0]!, headerInject, forward], routes })
export const options: BasculeOptions = { stages: some, routes }
export const fromOptions = createBascule(options)
