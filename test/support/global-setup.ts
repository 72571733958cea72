import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Compiles the package and the demo: tests that start processes run what users run. */
export default async function setup(): Promise<void> {
  await compile('tsconfig.json')
  await compile('src/browser')
  await compile('src/react')
  await compile('src/compat')
  await compile('demo/tsconfig.json')
  await compile('demo/spa')
}

/** A type error is loud but does not end the run: the compiler has written the code all the same. */
function compile(project: string): Promise<void> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { cwd: root }, (error, stdout) => {
      if (error !== null) console.error(`tsc -p ${project} found errors:\n${stdout}`)
      resolve()
    })
  })
}
