import { call, textOf } from './calls.ts'
import type { Answer } from './calls.ts'
import { element, showFacts, showOutcome, timeUntil } from './elements.ts'
import type { Fact } from './elements.ts'
import { whatThePageHolds } from './held.ts'
import { cancelOrder, createOrder, listOrders, readOrders, showItems, showOrders } from './orders.ts'
import type { Order } from './orders.ts'
import { bff, readSession } from './session.ts'
import type { Session } from './session.ts'
import { tries } from './tries.ts'

let session: Session | undefined
let orders: readonly Order[] = []
let tokenExpiresAt: string | undefined
let apiFacts: readonly Fact[] = []
let wasLoggedIn = false

/** Asks who is logged in and draws what follows from the answer. */
async function start(): Promise<void> {
  const answer = await readSession()
  if (answer === 'none') return showSignedOut(wasLoggedIn ? 'Your session has ended. Log in to go on.' : undefined)
  if ('kind' in answer) return showTrouble(answer)
  session = answer
  wasLoggedIn = true
  hideBanner()
  drawSession()
  show('signed-in')
  await loadOrders()
}

async function loadOrders(): Promise<void> {
  const answer = await listOrders()
  if (answer.kind !== 'done') return showTrouble(answer)
  hideBanner()
  orders = readOrders(answer.body)
  showItems(answer.body)
  showOrders(orders, (order) => void change(() => cancelOrder(order.id), `Order ${order.id} is cancelled.`))
  await Promise.all([loadApiView(), slide()])
}

/** A call moves the idle time on; the page learns the new one by asking. */
async function slide(): Promise<void> {
  const answer = await readSession()
  if (answer === 'none') return showSignedOut('Your session has ended. Log in to go on.')
  if (!('kind' in answer)) session = answer
  drawSession()
}

async function loadApiView(): Promise<void> {
  const answer = await call('/api/whoami')
  if (answer.kind !== 'done') return
  tokenExpiresAt = textOf(answer.body, 'expiresAt')
  apiFacts = (['sub', 'audience', 'scope'] as const).map((term) => ({ term, value: textOf(answer.body, term) ?? '' }))
  drawCountdowns()
}

/** Makes one change and tells how it went. Only this and the page's own markup say which buttons there are. */
async function change(act: () => Promise<Answer>, done: string): Promise<void> {
  if (session === undefined) return
  const outcome = element('order-outcome', HTMLParagraphElement)
  outcome.textContent = ''
  const answer = await act()
  if (answer.kind === 'refused') return showOutcome(outcome, 'bad', `${answer.status}: ${answer.detail}`)
  if (answer.kind !== 'done') return showTrouble(answer)
  showOutcome(outcome, 'good', done)
  await loadOrders()
}

async function logOut(): Promise<void> {
  try {
    await bff.logout()
  } catch {
    showTrouble({ kind: 'unavailable', retryAfterSeconds: 2 })
  }
}

/** An answer that is no answer: the session may well be alive, so the page says so and offers another try. */
function showTrouble(answer: Exclude<Answer, { kind: 'done' }>): void {
  if (answer.kind === 'logged-out') return showSignedOut('Your session has ended. Log in to go on.')
  const text =
    answer.kind === 'unavailable'
      ? `Something behind this page cannot be reached. You are not logged out; try again in ${answer.retryAfterSeconds} s.`
      : `The request was refused (${answer.status}). ${answer.detail}`
  element('banner-text', HTMLSpanElement).textContent = text
  element('banner-retry', HTMLButtonElement).hidden = false
  element('banner', HTMLDivElement).hidden = false
  element('loading', HTMLElement).hidden = true
}

function hideBanner(): void {
  element('banner', HTMLDivElement).hidden = true
}

function showSignedOut(message: string | undefined): void {
  session = undefined
  orders = []
  element('banner-text', HTMLSpanElement).textContent = message ?? ''
  element('banner-retry', HTMLButtonElement).hidden = true
  element('banner', HTMLDivElement).hidden = message === undefined
  show('signed-out')
}

function show(part: 'signed-in' | 'signed-out'): void {
  for (const id of ['loading', 'signed-in', 'signed-out']) element(id, HTMLElement).hidden = id !== part
  element('account', HTMLDivElement).hidden = part !== 'signed-in'
}

function drawSession(): void {
  if (session === undefined) return
  const { name, email } = session
  element('user-name', HTMLElement).textContent = name
  element('user-email', HTMLElement).textContent = email
  element('initials', HTMLElement).textContent = name
    .split(' ')
    .map((word) => word[0])
    .join('')
    .slice(0, 2)
  showFacts(element('holds', HTMLElement), whatThePageHolds(session))
  drawCountdowns()
}

function drawCountdowns(): void {
  if (session === undefined) return
  const nowMs = Date.now()
  showFacts(element('session', HTMLElement), [
    { term: 'ends when idle, in', value: timeUntil(session.idleExpiresAt, nowMs) },
    { term: 'ends for good, in', value: timeUntil(session.expiresAt, nowMs) },
  ])
  if (tokenExpiresAt === undefined) return
  const left = Date.parse(tokenExpiresAt) > nowMs ? timeUntil(tokenExpiresAt, nowMs) : 'over; the next call gets a new one'
  showFacts(element('api-view', HTMLElement), [...apiFacts, { term: 'token ends in', value: left }])
}

function tick(): void {
  if (session === undefined || document.visibilityState === 'hidden') return
  drawCountdowns()
}

/** Runs an action for a button, which cannot be pressed again meanwhile. */
function onPress(button: HTMLButtonElement, act: () => Promise<void>): void {
  button.addEventListener('click', () => void during(button, act))
}

async function during(button: HTMLButtonElement, act: () => Promise<void>): Promise<void> {
  button.disabled = true
  try {
    await act()
  } finally {
    button.disabled = false
  }
}

onPress(element('banner-retry', HTMLButtonElement), start)
onPress(element('reload', HTMLButtonElement), loadOrders)
onPress(element('log-out', HTMLButtonElement), logOut)
for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-try]')) {
  onPress(button, async () => {
    const { kind, text } = (await tries[button.dataset['try'] ?? '']?.(orders.map(({ id }) => id))) ?? { kind: 'bad', text: '' }
    showOutcome(element('try-outcome', HTMLParagraphElement), kind, text)
  })
}
element('order-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  const item = element('order-item', HTMLSelectElement).value
  const quantity = element('order-quantity', HTMLInputElement).valueAsNumber
  const submit = event.submitter
  const act = () => change(() => createOrder(item, quantity), `Ordered: ${quantity} × ${item}.`)
  void (submit instanceof HTMLButtonElement ? during(submit, act) : act())
})
// Idle too long, closed elsewhere, or another tab: the client finds out, also for a page out of the back-forward cache.
for (const event of ['expired', 'logout', 'login'] as const) bff.on(event, () => void start())
setInterval(tick, 1000)
void start()
