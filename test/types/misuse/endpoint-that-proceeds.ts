// expect: TS2322 Type 'Proceed' is not assignable
import { defineEndpoint } from '../../../core/index.ts'

export default defineEndpoint({
  name: 'acme-hello',
  paths: () => [{ id: 'hello', path: '/acme/hello', methods: ['GET'], auth: 'none' }],
  // wrong: an endpoint is where its request ends
  setup: () => () => (x) => x.proceed(),
})
