// Header names and values as options of stages: what could not be sent, or would tear an answer in two, is refused at load.
import { z } from 'zod'

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export const headerName = z.string().regex(token, 'is no header name: letters, digits and - only')

/** Printable bytes only: CR and LF would begin a header of their own (RFC 9110 §5.5). */
export const headerValue = z
  .string()
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII on one line')
  .refine((value) => value.trim() === value, 'begins or ends with a blank, which no reader keeps')
