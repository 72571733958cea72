/** The looks of the local provider's pages: one stylesheet, no fonts, images or scripts from elsewhere. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #eceef4; --card: #ffffff; --ink: #171a26; --soft: #5a6076; --line: #d9dce7;
  --accent: #4338ca; --accent-soft: #eef0ff; --warn: #8a4b08; --warn-soft: #fdf3e0; --warn-line: #f0d9ae;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1018; --card: #181b27; --ink: #eceef6; --soft: #a0a7bf; --line: #2c3144;
    --accent: #a5b0ff; --accent-soft: #22273e; --warn: #f3c677; --warn-soft: #2b2313; --warn-line: #4d3d1c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 2rem 1rem; display: grid; place-items: center; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main {
  width: 100%; max-width: 27rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.75rem;
  box-shadow: 0 1px 2px rgb(15 18 35 / .05), 0 12px 32px rgb(15 18 35 / .08);
}
h1 { margin: 0; font-size: 1.375rem; line-height: 1.25; letter-spacing: -.01em; }
p { margin: .5rem 0 0; color: var(--soft); }
p strong { color: var(--ink); font-weight: 600; }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.origin { margin: 0 0 1.25rem; font-size: .8125rem; color: var(--soft); display: flex; align-items: center; gap: .5rem; }
.origin::before { content: ""; width: .5rem; height: .5rem; border-radius: 50%; background: var(--accent); flex: none; }
.users { list-style: none; margin: 1.25rem 0 0; padding: 0; display: grid; gap: .625rem; }
.user {
  width: 100%; display: grid; grid-template-columns: auto 1fr; gap: .125rem .875rem; align-items: center; text-align: left;
  padding: .875rem 1rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .75rem; cursor: pointer;
}
.user:hover { border-color: var(--accent); background: var(--accent-soft); }
.user[data-hinted] { border-color: var(--accent); }
.initials {
  grid-row: 1 / span 3; align-self: start; width: 2.75rem; height: 2.75rem; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent-soft); color: var(--accent); font-weight: 650; letter-spacing: .02em;
}
.user:hover .initials { background: var(--card); }
.name { font-weight: 620; }
.email, .note { font-size: .875rem; color: var(--soft); overflow-wrap: anywhere; }
.notice {
  margin: 1.25rem 0 0; padding: .625rem .875rem; border: 1px solid var(--warn-line); border-radius: .625rem;
  background: var(--warn-soft); color: var(--warn); font-size: .875rem;
}
.actions { margin-top: 1.25rem; display: flex; gap: .75rem; flex-wrap: wrap; }
.actions button {
  font: inherit; font-weight: 550; padding: .5rem 1rem; border-radius: .625rem; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit;
}
.actions .primary { background: var(--accent); border-color: var(--accent); color: var(--card); }
.actions button:hover { border-color: var(--accent); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
`

/** Sends the sign-out form at once: it came from a registered client, so there is nothing to ask. */
export const signOutScript = `document.getElementById('sign-out').requestSubmit()\n`
