import type { Deeds } from './deeds.ts'
import { claim, deedButton, outside, trialTable } from './page-frame.ts'
import { originOf, type Places } from './places.ts'
import {
  authorizations,
  foreignForgeries,
  loginForgeries,
  logouts,
  siblingForgeries,
  type Evidence,
  type Trial,
} from './trials.ts'

interface Part {
  readonly id: string
  readonly title: string
  readonly words: string
  readonly trials: readonly Trial[]
  /** What each position of the switch is, the default first. */
  readonly switches: readonly string[]
  readonly steps: (trial: Trial, lab: Parts) => readonly string[]
  readonly lesson: string
}

interface Parts {
  readonly places: Places
  readonly deeds: Deeds
}

const bankOf = ({ places }: Parts, { bank }: Trial) => outside(`${originOf(places, bank)}/`, `Open the bank ${bank}.localhost`)
const lure = (url: string) => outside(url, 'Open the attacker’s page')

const parts: readonly Part[] = [
  {
    id: 'foreign',
    title: 'A foreign site sends a transfer',
    words:
      'A cookie goes with every request to its site, whoever made the request. So a page of somebody else can try to make one. This is cross-site request forgery, CSRF. Two things stand in its way: SameSite, by which the browser holds the cookie back, and a check by the server that its own page made the request.',
    trials: foreignForgeries,
    switches: ['All on', 'Options loose', 'SameSite off', 'Check off', 'Both off'],
    steps: (trial, lab) => [
      `${bankOf(lab, trial)} and log in as Ada.`,
      `${lure(`${originOf(lab.places, 'evil')}/kitten?bank=${trial.bank}`)} on <code>evil.localhost</code>, another site, and press its button.`,
      'Reload this page.',
    ],
    lesson:
      'Either of the two stops a foreign site. A BFF that has SameSite alone looks safe here. Look at the next one before you believe it. (RFC 10017, section 6.1.3.3)',
  },
  {
    id: 'sibling',
    title: 'A sibling subdomain sends a transfer',
    words:
      'To a browser, x.bank.example and bank.example are the same site. A forgotten marketing page or a wiki under your domain is enough. The cookie goes along, SameSite or not.',
    trials: siblingForgeries,
    switches: ['All on', 'Options loose', 'SameSite off', 'Check off', 'Both off'],
    steps: (trial, lab) => [
      `${bankOf(lab, trial)} and log in as Ada.`,
      `${lure(`${originOf(lab.places, `x.${trial.bank}`)}/`)} on <code>x.${trial.bank}.localhost</code>, and press its button.`,
      'Reload this page.',
    ],
    lesson:
      'With SameSite=Strict and nothing else, the transfer goes through. The check is what counts: Coatcheck looks at Sec-Fetch-Site and Origin on every request and at a token on top, and no option turns the first off.',
  },
  {
    id: 'login',
    title: 'Somebody else’s login ends in your browser',
    words:
      'The attacker begins a login with an account of their own, stops before the last step, and makes your browser take it. From now on you type your data into their account.',
    trials: loginForgeries,
    switches: ['Binding on', 'Binding off'],
    steps: (trial, lab) => [
      `${bankOf(lab, trial)}, and log out if you are logged in.`,
      `${lure(`${originOf(lab.places, 'evil')}/parcel?bank=${trial.bank}`)} and follow its link. You are the user in the account line now, if anybody.`,
      'Reload this page.',
    ],
    lesson:
      'A login has to end in the browser that began it. Coatcheck seals it in a cookie of that browser and knows no way without. (RFC 9700, section 4.7)',
  },
  {
    id: 'logout',
    title: 'A logout that only clears the cookie',
    words:
      'A cookie can be copied by whoever gets at the machine. The user logs out, and thinks it is over. Whether it is depends on what the server does.',
    trials: logouts,
    switches: ['Logout on the server', 'Cookie cleared only'],
    steps: (trial, lab) => [
      `${bankOf(lab, trial)} and log in as Ada.`,
      lab.deeds.canCopy(trial.bank)
        ? deedButton('everything', 'copy', 'Copy the cookie and use it on the attacker’s machine', trial.bank)
        : 'Come back and reload: then the cookie can be copied.',
      'Log out in the bank.',
      lab.deeds.hasCopy(trial.bank)
        ? deedButton('everything', 'copyAgain', 'Use the copy again', trial.bank)
        : 'Then the copy can be used again here.',
    ],
    lesson:
      'The first status is the copy before the logout, the second after it. A session that lives on the server can end there.',
  },
  {
    id: 'authorization',
    title: 'An API that does not ask whose account it is',
    words:
      'Ben is a customer too. He is logged in properly, and changes the address from /accounts/ben to /accounts/ada. The BFF does its job: it adds Ben’s token and sends the request on.',
    trials: authorizations,
    switches: ['API asks', 'API forgot'],
    steps: () => [deedButton('everything', 'accounts', 'Ben asks both APIs for Ada’s account')],
    lesson:
      'No gateway knows which account is whose. It can require a scope or a claim for a route, and the rest is the API’s own work: compare the owner with the subject of the token.',
  },
]

/** Exhibit 5: five attacks with a switch each. The switch is a link, so it needs no script. */
export function everythingPage(lab: Parts & { readonly evidence: Evidence }, query: URLSearchParams): string {
  return `${claim('everything', 'A BFF keeps tokens from scripts. It brings a cookie, and cookies have attacks of their own. Here are five things that go wrong around a BFF, each with a switch.')}
<aside class="honest"><h2>What “off” means here</h2><p>Coatcheck has no option for most of what is turned off on this page, and it got none for the lab.
“Options loose” is a real Coatcheck with documented options: <code>csrf.mode: origin</code> and <code>sameSite: lax</code>. The other
positions are a small BFF of the lab’s own, in which that one part was left out, as it is left out of BFFs that are written
by hand.</p></aside>
<ol class="parts">${parts.map((part) => section(part, lab, query)).join('')}</ol>`
}

function section(part: Part, lab: Parts & { readonly evidence: Evidence }, query: URLSearchParams): string {
  const at = Number(query.get(part.id) ?? 0)
  const index = part.trials[at] === undefined ? 0 : at
  const trial = part.trials[index]
  if (trial === undefined) return ''
  const positions = part.switches.map((label, position) => {
    const link = new URLSearchParams(query)
    link.set(part.id, String(position))
    const current = position === index ? ' aria-current="true"' : ''
    return `<li><a href="?${link.toString().replaceAll('&', '&amp;')}#${part.id}"${current}>${label}</a></li>`
  })
  const steps = part.steps(trial, lab).map((step) => `<li>${step}</li>`)
  return `<li id="${part.id}"><h2>${part.title}</h2><p>${part.words}</p>
<nav class="switch" aria-label="Defence: ${part.title}"><ul>${positions.join('')}</ul></nav>
<div class="try${index === 0 ? '' : ' off'}"><p class="setting">${trial.setting}</p><ol>${steps.join('')}</ol></div>
${trialTable(part.trials, lab.evidence, { caption: 'Every position, as far as it was tried' })}
<p class="lesson">${part.lesson}</p></li>`
}
