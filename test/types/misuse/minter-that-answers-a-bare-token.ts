// expect: TS2322 Type 'Promise<string>' is not assignable to type 'Promise<Minted>'
import { defineService } from '../../../core/index.ts'
import type { Minter } from '../../../plugins/lib/token/minter.ts'

export default defineService({
  kind: 'minter',
  name: 'acme-minter',
  open: (): Minter => ({
    spends: 'nothing',
    refuses: () => undefined,
    atLogin: () => [],
    // wrong: refused, lost and unavailable are answers too, so a token is one case of a union
    mint: async () => 'token',
  }),
})
