import type { Kit } from '../../../core/index.ts'

/** A terminal stage that guards everything: what is tried here are the files, not the bridge. */
export default ({ defineStage }: Kit) =>
  defineStage({
    name: 'send',
    role: 'terminal',
    needs: ['route'],
    guards: ['session', 'bearer'],
    setup: () => () => ({ run: (x) => x.reply(204, 'OK') }),
  })
