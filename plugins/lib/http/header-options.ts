// Header names and values as options of stages: what could not be sent, or would tear an answer in two, is refused at load.
import { z } from 'zod'

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const noName = 'is no header name: letters, digits and - only'

export const headerName = z.string().regex(token, noName)

/** Printable bytes only: CR and LF would begin a header of their own (RFC 9110 §5.5). */
export const headerValue = z
  .string()
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII on one line')
  .refine((value) => value.trim() === value, 'begins or ends with a blank, which no reader keeps')

/** Name → value. `problem`: why a header may not stand here, given its name in lower case. */
export function headerMap(problem: (lower: string) => string | undefined) {
  return z.record(z.string(), headerValue).superRefine((headers, context) => {
    for (const name of Object.keys(headers)) {
      const message = token.test(name) ? problem(name.toLowerCase()) : noName
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
    }
  })
}
