import { z } from 'zod'
import { notYet, text } from './values.ts'

const stage = z.union([text, z.strictObject({ use: text, with: z.record(z.string(), z.unknown()).optional() })])

const later = notYet('list all stages under stages:').optional()

/** profiles/NAME.yaml. What stands in `with` is the stage's to judge. */
export const profileSchema = z
  .strictObject({
    stages: z.array(stage).min(1, 'must list at least one stage'),
    extends: later,
    insert: later,
    replace: later,
    remove: later,
  })
  .transform(({ stages }) => ({ stages }))
