import { type Case, type Finding, type Fuzzer, markOf } from './fuzzer.ts'

/** Leaves out what the finding does not need, as long as it is found again; gives up after so many tries. */
export async function shrink(fuzzer: Fuzzer, finding: Finding, tries = 150): Promise<Finding> {
  let smallest = finding
  for (
    let size = Math.ceil(finding.case.atoms.length / 2);
    size >= 1 && tries > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < smallest.case.atoms.length && tries > 0; tries--) {
      const atoms = smallest.case.atoms.toSpliced(at, size)
      const smaller = renamed({ ...smallest.case, atoms, pure: false }, markOf(tries, 'z'))
      const broken = await fuzzer.one(smaller)
      if (broken.length > 0) smallest = { case: smaller, broken }
      else at += size
    }
  }
  return smallest
}

/** What arrives late for one try is not taken for another's. */
function renamed(one: Case, mark: string): Case {
  return { ...one, mark, atoms: one.atoms.map((atom) => atom.replaceAll(`~${one.mark}-`, `~${mark}-`)) }
}

export function describe({ case: { seed, atoms, scripts }, broken }: Finding): string {
  const sent = atoms.map((atom) => `  ${printable(atom)}`).join('\n')
  const answers = scripts.map(({ bytes, ending, verdict }) => `  ${verdict}, ${ending}: ${printable(bytes)}`).join('\n')
  return `${broken.join('\n')}\nFUZZ_SEED=${seed}\nsent:\n${sent}\nanswers:\n${answers}`
}

function printable(text: string): string {
  const escaped = JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return escaped.length > 400 ? `${escaped.slice(0, 400)}… (${text.length} bytes)` : escaped
}
