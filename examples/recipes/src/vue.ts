// vue.ts
import { computed, shallowRef } from 'vue'
import { bff } from './bff.ts'

const session = shallowRef(bff.snapshot())
bff.on('change', () => (session.value = bff.snapshot()))

/** `user.value` is undefined while it is not known, and null where nobody is logged in. */
export const useBff = () => ({ bff, user: computed(() => session.value && session.value.user) })

/** For vue-router: `router.beforeEach(loggedIn)`. */
export async function loggedIn(to: { fullPath: string }): Promise<boolean> {
  if ((await bff.user()) === null) bff.login({ returnTo: to.fullPath })
  return bff.snapshot() !== null
}
