import { z } from 'zod'

const unit = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const
const howTo = 'write 512KiB, 10MiB or a number of bytes'

/** Bytes. */
export const size = z
  .union([z.string(), z.number()], { error: `must be a size: ${howTo}` })
  .transform((value, context) => {
    const match = /^(\d+(?:\.\d+)?)\s*([KMG]i?B|B|)$/.exec(String(value).trim())
    const bytes = match === null ? Number.NaN : Math.floor(Number(match[1]) * unit[match[2] as keyof typeof unit])
    if (Number.isSafeInteger(bytes)) return bytes
    context.addIssue({ code: 'custom', message: `"${value}" is no size: ${howTo}` })
    return z.NEVER
  })
