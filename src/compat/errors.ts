/** Something asked for a token, and there is none in the browser. Never an error that means "log in again". */
export class TokenNotInBrowserError extends Error {
  override readonly name = 'TokenNotInBrowserError'
}

/** The library can do this only with a token in the browser. */
export class NotSupportedInBffError extends Error {
  override readonly name = 'NotSupportedInBffError'
}

/** The page asked for a login again and again because it found no token: no login would bring one. */
export class LoginLoopError extends Error {
  override readonly name = 'LoginLoopError'
}
