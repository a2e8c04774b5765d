// expect: TS2322 Misplaced<"stage forward needs the slot upstream, and no stage of this list provides it; add one before forward">
import type { Bascule } from '../../../core/index.ts'
import { forward, routeMatch } from '../../../plugins/index.ts'

export function later(bascule: Bascule): Promise<void> {
  // wrong: nothing makes the request to send
  return bascule.reload({ routes: [], stages: [routeMatch, forward] })
}
