// expect: TS2820 Did you mean '"session-store"'?
import { defineService } from '../../../core/index.ts'
import '../../../plugins/lib/session/session-store.ts'

export default defineService({
  // wrong: no such kind
  kind: 'session-sotre',
  name: 'acme-store',
  open: () => Promise.reject(new Error('unreachable')),
})
