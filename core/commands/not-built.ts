import { type Command, configOption } from './command.ts'

/** Named already, so that a script that uses one hears what is the matter, not "unknown command". */
export const notBuilt: readonly Command[] = [
  {
    name: 'doctor',
    summary: 'finds which of the places that must agree on an audience does not',
    usage: 'bascule doctor [--idp-config DIR] [--config DIR]',
    options: { 'idp-config': { value: 'DIR', summary: "the identity provider's files" }, config: configOption },
  },
]
