import type { Attacker } from './attacker.ts'
import { victim, type BankName } from './places.ts'
import { carefulTitle, carelessTitle, copiedLateTitle, copiedTitle, scriptCookieTitle } from './trials.ts'
import type { Witness } from './witness.ts'

/** What the attacker's machine does beside the matrix, when it is told to. Each says whether there was something to do it with. */
export class Deeds {
  readonly #attacker: Attacker
  readonly #witness: Witness
  readonly #copies = new Map<BankName, string>()

  constructor(attacker: Attacker, witness: Witness) {
    this.#attacker = attacker
    this.#witness = witness
  }

  /** Whether somebody has been logged in at this bank, so that there is a cookie to copy. */
  canCopy(bank: BankName): boolean {
    return this.#witness.cookiesSentTo(bank) !== undefined
  }

  hasCopy(bank: BankName): boolean {
    return this.#copies.has(bank)
  }

  /** Copies the cookie from the victim's machine, as malware there or a borrowed laptop would, and uses it elsewhere. */
  async copyCookie(bank: BankName): Promise<boolean> {
    const cookie = this.#witness.cookiesSentTo(bank)
    if (cookie === undefined) return false
    this.#copies.set(bank, cookie)
    await this.#attacker.useCookie(copiedTitle(bank), bank, cookie)
    return true
  }

  /** Uses the copy again, after the victim has logged out. */
  async useCopyAgain(bank: BankName): Promise<boolean> {
    const copy = this.#copies.get(bank)
    if (copy === undefined) return false
    await this.#attacker.useCookie(copiedLateTitle(bank), bank, copy)
    return true
  }

  /** Replays whatever the script in the page of the BFF read from `document.cookie`. */
  async useCookieOfScript(): Promise<boolean> {
    const text = this.#attacker.lootOf('bff', 'storage').at(-1)?.text
    if (text === undefined) return false
    const { cookie = '' } = JSON.parse(text) as { cookie?: string }
    await this.#attacker.useCookie(scriptCookieTitle, 'bff', cookie)
    return true
  }

  /** Asks for the victim's account, as the customer that the attacker is. */
  async askForAccounts(): Promise<boolean> {
    await this.#attacker.askAsCustomer(carefulTitle, 'bff', `/api/accounts/${victim}`)
    await this.#attacker.askAsCustomer(carelessTitle, 'bff', `/api/careless/accounts/${victim}`)
    return true
  }
}
