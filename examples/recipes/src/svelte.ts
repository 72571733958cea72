// svelte.ts
import type { Snapshot } from 'coatcheck/browser'
import { bff } from './bff.ts'

/** A readable store: `$session?.user.name` in a component. */
export const session = {
  subscribe(run: (session: Snapshot) => void): () => void {
    run(bff.snapshot())
    return bff.on('change', () => run(bff.snapshot()))
  },
}
