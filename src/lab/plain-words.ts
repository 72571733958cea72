import type { AppName } from './places.ts'

/** What each app is, for somebody who has never heard of a BFF. */
export const inPlainWords: Readonly<Record<AppName, string>> = {
  ls: 'After the login the page holds an access token: whoever shows it to the bank’s API is let in. The page keeps it in the browser’s storage, where every script of the page can read it. PKCE protected the login on its way; it does not protect what came of it.',
  mem: 'The same, but the token is kept in a variable. A script cannot read the variable. It can wait until the page sends the token to the API and read it then, or log in by itself: the provider knows the user and does not ask again.',
  proxy:
    'The calls go through a server of the app, so it looks like a BFF. But the page still logs in by itself and sends the token along; the server only passes it on. For the script nothing is different.',
  tmb: 'A server logs the user in and keeps the long-lived refresh token. The page asks it for an access token to call the API with. The script asks the same question and gets the same answer, which works until it expires, also after the logout.',
  bff: 'A server logs the user in and keeps every token. The page gets a cookie that no script can read, and sends its calls to the server, which adds the token. There is nothing in the page that would work on another machine.',
}
