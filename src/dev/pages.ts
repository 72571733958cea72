import type { DevUser } from './users.ts'

export const stylePath = '/page.css'
export const signOutScriptPath = '/sign-out.js'

/** What the sign-in page shows. */
export interface SignInPage {
  readonly issuer: string
  readonly clientName: string
  readonly users: readonly DevUser[]
  /** `login_hint`: a subject or an email address; its card comes first. */
  readonly loginHint: string | undefined
}

export function signInPage({ issuer, clientName, users, loginHint }: SignInPage): string {
  const isHinted = (user: DevUser) => loginHint !== undefined && (loginHint === user.sub || loginHint === user.email)
  const ordered = [...users.filter(isHinted), ...users.filter((user) => !isHinted(user))]
  const cards = ordered.map(
    (
      user,
    ) => `<li><button class="user" name="sub" value="${escapeHtml(user.sub)}"${isHinted(user) ? ' data-hinted autofocus' : ''}>
      <span class="initials" aria-hidden="true">${escapeHtml(initials(user.name))}</span>
      <span class="name">${escapeHtml(user.name)}</span>
      <span class="email">${escapeHtml(user.email)}</span>
      <span class="note">${escapeHtml(user.note ?? `Roles: ${user.roles.join(', ') || 'none'}`)}</span>
    </button></li>`,
  )
  return page(
    issuer,
    'Who are you today?',
    `<p><strong>${escapeHtml(clientName)}</strong> wants to log you in. Pick a user.</p>
    <form method="post">
      <ul class="users">${cards.join('')}</ul>
      <p class="notice"><b>Development only.</b> This provider knows no passwords and forgets everything when it stops.</p>
      <div class="actions"><button name="cancel" value="yes">Cancel</button></div>
    </form>`,
  )
}

/** `confirmed`: the request came from a registered client with a registered way back, so nobody needs to be asked. */
export function signOutPage(issuer: string, action: string, xsrf: string, confirmed: boolean): string {
  const form = `<form method="post" id="sign-out" action="${escapeHtml(action)}">
      <input type="hidden" name="xsrf" value="${escapeHtml(xsrf)}">
      <input type="hidden" name="logout" value="yes">
      <div class="actions"><button class="primary">Sign out</button></div>
    </form>`
  return confirmed
    ? page(issuer, 'Signing you out', `<p>One moment.</p>${form}`, signOutScriptPath)
    : page(issuer, 'Sign out?', `<p>This ends your session at the local provider.</p>${form}`)
}

export function signedOutPage(issuer: string): string {
  return page(issuer, 'You are signed out', '<p>The session at the local provider has ended. You can close this page.</p>')
}

/** A problem with a request, told to the developer: the provider is local, so nothing is held back. */
export function problemPage(issuer: string, error: string, description: string | undefined): string {
  return page(
    issuer,
    'This request cannot be answered',
    `<p><code>${escapeHtml(error)}</code></p>${description === undefined ? '' : `<p>${escapeHtml(description)}</p>`}`,
  )
}

function page(issuer: string, title: string, body: string, script?: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title} - local provider</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="${stylePath}">${script === undefined ? '' : `\n  <script src="${script}" defer></script>`}
</head>
<body>
  <main>
    <p class="origin">Local provider at <code>${escapeHtml(issuer)}</code></p>
    <h1>${title}</h1>
    ${body}
  </main>
</body>
</html>
`
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '')
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => Array.from(word ?? '')[0] ?? '')
    .join('')
    .toUpperCase()
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
