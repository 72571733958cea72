import type { BffClient, Session } from '../browser/types.ts'
import type { User } from './oidc-user.ts'

type Callback<Parameters extends unknown[] = []> = (...parameters: Parameters) => Promise<void> | void

/** Adds a listener and gives the function that takes it away. */
type Add<Parameters extends unknown[] = []> = (callback: Callback<Parameters>) => () => void
type Remove<Parameters extends unknown[] = []> = (callback: Callback<Parameters>) => void

class Listeners<Parameters extends unknown[] = []> {
  readonly #callbacks = new Set<Callback<Parameters>>()

  readonly add: Add<Parameters> = (callback) => {
    this.#callbacks.add(callback)
    return () => this.remove(callback)
  }

  readonly remove: Remove<Parameters> = (callback) => {
    this.#callbacks.delete(callback)
  }

  readonly raise = (...parameters: Parameters): void => {
    for (const callback of this.#callbacks) void callback(...parameters)
  }
}

/** The events of oidc-client-ts. What they call the access token is the session here. */
export class UserManagerEvents {
  readonly #loaded = new Listeners<[User]>()
  readonly #unloaded = new Listeners()
  readonly #expiring = new Listeners<unknown[]>()
  readonly #expired = new Listeners<unknown[]>()
  readonly #renewError = new Listeners<[Error]>()
  readonly #signedIn = new Listeners()
  readonly #signedOut = new Listeners()
  readonly #sessionChanged = new Listeners()

  readonly addUserLoaded = this.#loaded.add
  readonly removeUserLoaded = this.#loaded.remove
  readonly addUserUnloaded = this.#unloaded.add
  readonly removeUserUnloaded = this.#unloaded.remove
  readonly addAccessTokenExpiring = this.#expiring.add
  readonly removeAccessTokenExpiring = this.#expiring.remove
  readonly addAccessTokenExpired = this.#expired.add
  readonly removeAccessTokenExpired = this.#expired.remove
  readonly addSilentRenewError = this.#renewError.add
  readonly removeSilentRenewError = this.#renewError.remove
  readonly addUserSignedIn = this.#signedIn.add
  readonly removeUserSignedIn = this.#signedIn.remove
  readonly addUserSignedOut = this.#signedOut.add
  readonly removeUserSignedOut = this.#signedOut.remove
  readonly addUserSessionChanged = this.#sessionChanged.add
  readonly removeUserSessionChanged = this.#sessionChanged.remove

  constructor(client: BffClient, userOf: (session: Session) => User) {
    client.on('login', ({ session, userChanged }) => {
      if (session) this.#loaded.raise(userOf(session))
      this.#signedIn.raise()
      if (userChanged) this.#sessionChanged.raise()
    })
    client.on('expiring', () => this.#expiring.raise())
    client.on('expired', () => {
      this.#expired.raise()
      this.#unloaded.raise()
    })
    client.on('logout', () => {
      this.#unloaded.raise()
      this.#signedOut.raise()
    })
  }

  /** @internal */
  raiseLoaded(user: User): void {
    this.#loaded.raise(user)
  }

  /** @internal */
  raiseUnloaded(): void {
    this.#unloaded.raise()
  }

  /** @internal */
  raiseRenewError(error: Error): void {
    this.#renewError.raise(error)
  }
}
