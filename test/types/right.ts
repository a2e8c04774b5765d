// One correct plugin of each kind. It is part of `tsc --noEmit`: when it stops compiling, somebody's plugin does.
import { defineEndpoint, defineService, defineStage, type Route, type Source } from '../../core/index.ts'
import type { Minter } from '../../plugins/lib/token/minter.ts'
import type { UpstreamRequest } from '../../plugins/lib/upstream/upstream.ts'
import { lookUp, tenantOptions } from './acme.ts'

declare const find: (routes: readonly Route[], path: string) => Route | undefined
declare const send: (request: UpstreamRequest) => Source

export const router = defineStage({
  name: 'by-path',
  role: 'router',
  provides: ['route'],
  setup: (host) => ({
    run(x) {
      const route = find(host.routes, x.path)
      return route ? x.proceed({ route }) : x.reply(404, 'ROUTE_NOT_FOUND')
    },
  }),
})

export const filter = defineStage({
  name: 'acme-tenant',
  options: tenantOptions,
  needs: ['route'],
  wants: ['session'],
  provides: ['acme/tenant'],
  requires: (route, options) => (route.auth === 'session' && options.header !== '' ? ['session'] : []),
  setup: (host) => (route) => ({
    async run(x) {
      const sub = x.peek('session')?.sub ?? x.header('x-acme-sub')
      if (sub === undefined) return x.reply(403, 'FORBIDDEN', { detail: `${route.id} is for members` })
      return x.proceed({ 'acme/tenant': await lookUp(host.options.header + x.get('route').id + sub) })
    },
    response(x, head) {
      head.headers.set('x-acme-tenant', x.peek('acme/tenant')?.id ?? 'none')
    },
  }),
})

export const plainFilter = defineStage({
  name: 'acme-quiet',
  setup: () => () => ({ run: (x) => (x.header('x-acme') === undefined ? x.proceed() : x.reply(403, 'FORBIDDEN')) }),
})

export const lateFilter = defineStage({
  name: 'acme-stamp',
  setup: () => () => ({
    run: (x) => x.proceed(),
    response(_x, head) {
      head.headers.set('x-acme', '1')
    },
  }),
})

export const terminal = defineStage({
  name: 'acme-send',
  role: 'terminal',
  needs: ['upstream'],
  setup: () => () => ({
    run: (x) => (x.upgrade ? x.reply(501, 'NOT_IMPLEMENTED') : x.stream(send(x.get('upstream')))),
  }),
})

export const observer = defineStage({
  name: 'acme-audit',
  role: 'observer',
  wants: ['acme/tenant', 'route'],
  setup: (host) => ({
    settled(x, outcome) {
      host.log.info({ tenant: x.peek('acme/tenant')?.id, route: x.peek('route')?.id }, outcome.code)
    },
  }),
})

export const endpoint = defineEndpoint({
  name: 'acme-whoami',
  needs: ['session'],
  paths: () => [{ id: 'whoami', path: '/acme/whoami', methods: ['GET'], auth: 'session' }],
  setup: () => () => (x) => x.reply(200, 'OK', { body: x.get('session').sub }),
})

export const service = defineService({
  kind: 'minter',
  name: 'acme-minter',
  open: (): Minter => ({
    spends: 'nothing',
    refuses: () => undefined,
    atLogin: () => [],
    mint: async () => ({ kind: 'refused', reason: 'not_mintable' }),
  }),
})
