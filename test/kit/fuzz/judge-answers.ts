import { readAnswers } from './answer-reader.ts'
import type { Expected } from './expected.ts'
import { values } from './message-reader.ts'

/** What one client was told that it must not be, for the requests it sent. */
export function judgeAnswers(
  all: readonly Expected[],
  methods: readonly string[],
  text: string,
  pure: boolean,
  hostile: boolean,
): string[] {
  const broken: string[] = []
  const answers = readAnswers(text, methods)
  if (answers.length > methods.length) broken.push(`${answers.length} answers to ${methods.length} requests`)
  for (const [i, { status, fields, body, whole }] of answers.entries()) {
    const one = all[i]
    const echo = values({ fields }, 'x-echo')[0]
    const verdict = one?.script.verdict ?? 'clean'
    if (echo === 'poison') broken.push('an answer that was no answer')
    if (echo !== undefined && echo !== one?.path && echo !== 'poison')
      broken.push(`the answer for ${echo} instead of ${one?.path}`)
    const owed = verdict === 'clean' && !(hostile && status === 502 && one && !canRepeat(one))
    if (status === 500 && verdict !== 'odd') broken.push('500 of our own')
    if (status > 501 && status !== 505 && owed) broken.push(`${status} of our own: ${body}`)
    if (status === 101) broken.push('101 that nobody may have')
    if (verdict === 'broken' && status === 200 && whole && one?.head.method !== 'HEAD')
      broken.push('a torn answer that looks whole')
    if (pure && one && owed && (status !== 200 || !whole || echo !== one.path))
      broken.push(`${status} for a request in which nothing is wrong`)
  }
  if (pure && all.every(({ script }) => script.verdict === 'clean') && answers.length !== all.length)
    broken.push(`${answers.length} answers to ${all.length} requests in which nothing is wrong`)
  return broken
}

/** The connection may have been spoilt by what its upstream said to another client: a request that cannot be sent again is lost with it. */
function canRepeat({ head, body }: Expected): boolean {
  return body === '' && /^(GET|HEAD|PUT|DELETE|OPTIONS)$/.test(head.method)
}
