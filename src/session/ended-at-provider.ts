import type { SessionStore } from '../stores/store.ts'
import { providerSessionTag, subjectTag } from './record.ts'

/** A logout whose login is still under way must win over it; a login takes no longer than this. */
const rememberedMs = 900_000

/** Whom a logout at the provider concerns: one of its sessions, or all of a subject's. */
export interface ProviderSession {
  readonly subject?: string | undefined
  readonly providerSessionId?: string | undefined
}

/**
 * Remembers logouts at the provider for a while. A login writes its session first and asks here afterwards, a logout
 * marks first and deletes afterwards: whichever comes late sees the other, so no order of the two leaves a session open.
 */
export class EndedAtProvider {
  readonly #store: SessionStore
  readonly #issuer: string
  readonly #clock: () => number

  constructor(store: SessionStore, issuer: string, clock: () => number) {
    this.#store = store
    this.#issuer = issuer
    this.#clock = clock
  }

  async mark({ subject, providerSessionId }: ProviderSession): Promise<void> {
    const key = providerSessionId === undefined ? this.#subjectKey(subject ?? '') : this.#sessionKey(providerSessionId)
    const nowMs = this.#clock()
    const value = Buffer.from(String(nowMs))
    const expiresAtMs = nowMs + rememberedMs
    while ((await this.#store.add(key, { value, expiresAtMs })) === undefined) {
      const known = await this.#store.get(key)
      if (known !== undefined && (await this.#store.replace(key, known.version, value, expiresAtMs)) !== undefined) return
    }
  }

  /** Whether a login that began at `startedAtMs` was ended at the provider since. One that began later is another login. */
  async has(login: Required<ProviderSession>, startedAtMs: number): Promise<boolean> {
    const keys = [this.#subjectKey(login.subject ?? '')]
    if (login.providerSessionId !== undefined) keys.push(this.#sessionKey(login.providerSessionId))
    for (const key of keys) {
      const mark = await this.#store.get(key)
      if (mark !== undefined && startedAtMs <= Number(Buffer.from(mark.value))) return true
    }
    return false
  }

  #sessionKey(providerSessionId: string): string {
    return `ended:${providerSessionTag(this.#issuer, providerSessionId)}`
  }

  #subjectKey(subject: string): string {
    return `ended:${subjectTag(this.#issuer, subject)}`
  }
}
