import { createHash, randomBytes } from 'node:crypto'
import { apiResource, callbackOf, originOf, scope, type Places } from './places.ts'
import { send } from './wire.ts'

/** The login of a confidential client, for the backends that are the lab's own. */
export class ServerLogin {
  readonly #verifiers = new Map<string, string>()
  readonly #places: Places
  readonly #client: string
  readonly #secret: string

  constructor(places: Places, client: string, secret: string) {
    this.#places = places
    this.#client = client
    this.#secret = secret
  }

  begin(): { readonly state: string; readonly location: string } {
    const [state, verifier] = [randomBytes(16).toString('base64url'), randomBytes(32).toString('base64url')]
    this.#verifiers.set(state, verifier)
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.#client,
      redirect_uri: callbackOf(this.#places, this.#client),
      scope,
      resource: apiResource,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    return { state, location: `${originOf(this.#places, 'idp')}/auth?${query.toString()}` }
  }

  /** The access token of a login that was begun here; `undefined` where there is none. */
  async finish(code: string, state: string): Promise<string | undefined> {
    const verifier = this.#verifiers.get(state)
    this.#verifiers.delete(state)
    if (verifier === undefined) return undefined
    const answer = await send(`${originOf(this.#places, 'idp')}/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${this.#client}:${this.#secret}`).toString('base64')}`,
      },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: callbackOf(this.#places, this.#client),
        code_verifier: verifier,
        resource: apiResource,
      }).toString(),
    })
    return (JSON.parse(answer.text) as { access_token?: string }).access_token
  }
}
