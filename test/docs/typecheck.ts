import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './blocks.ts'

/** Errors of files that exist as text only, as the repository's own settings see them. */
export function compile(files: Readonly<Record<string, string>>): string[] {
  const path = join(root, 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, ts.sys.readFile).config,
    ts.sys,
    dirname(path),
  )
  const loose = { ...options, noUnusedLocals: false, noUnusedParameters: false }
  const host = ts.createCompilerHost(loose)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (name) => name in files || fileExists.call(host, name)
  host.readFile = (name) => files[name] ?? readFile.call(host, name)
  host.getSourceFile = (name, ...rest) =>
    name in files ? ts.createSourceFile(name, files[name]!, rest[0]) : getSourceFile.call(host, name, ...rest)
  const program = ts.createProgram(Object.keys(files), loose, host)
  return Object.keys(files).flatMap((name) => {
    const source = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) =>
        `${relative(root, name)}:${(source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
  })
}
