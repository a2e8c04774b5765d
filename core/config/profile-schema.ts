import { z } from 'zod'
import { text, timeout } from './values.ts'

const options = z.record(z.string(), z.unknown()).optional()
const shape = { use: text, with: options, timeout: timeout.optional() }
const stage = z.union([text, z.strictObject(shape)])

const insertion = z
  .strictObject({ ...shape, before: text.optional(), after: text.optional() })
  .refine(
    ({ before, after }) => (before === undefined) !== (after === undefined),
    'must say where: before or after one stage',
  )

/** profiles/NAME.yaml: a list of its own, or another profile with changes. What stands in `with` is the stage's to judge. */
export const profileSchema = z
  .strictObject({
    stages: z.array(stage).min(1, 'must list at least one stage').optional(),
    extends: text.optional(),
    remove: z.array(text).optional(),
    replace: z.record(text, stage).optional(),
    insert: z.array(insertion).optional(),
  })
  .superRefine((profile, context) => {
    const changes = (['remove', 'replace', 'insert'] as const).filter((key) => profile[key] !== undefined)
    if (profile.stages === undefined && profile.extends === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'a profile needs stages: [route-match, …], or extends: NAME with insert, replace or remove',
      })
    } else if (profile.stages !== undefined && profile.extends !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['extends'],
        message: 'extends has no place beside stages; remove one of the two',
      })
    } else if (profile.stages !== undefined && changes[0]) {
      context.addIssue({
        code: 'custom',
        path: [changes[0]],
        message: `${changes[0]} changes a list that extends brings; here is one of its own`,
      })
    }
  })
  .transform(({ remove = [], replace = {}, insert = [], ...rest }) => ({ ...rest, remove, replace, insert }))

/** One entry of the list. `timeout`: milliseconds for one `run`. */
export type StageRef = z.output<typeof stage>
