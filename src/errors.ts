/** Every error a user can meet: its status and its public words. The set is closed; outside clients rely on the codes. */
export const errorTable = {
  bad_request: { status: 400, title: 'The request cannot be understood' },
  login_needs_navigation: { status: 400, title: 'A login starts with a page navigation, not with a fetch' },
  login_failed: { status: 400, title: 'The login did not succeed' },
  session_required: { status: 401, title: 'You need to log in' },
  csrf_failed: { status: 403, title: 'The request does not prove that it comes from this application' },
  forbidden: { status: 403, title: 'You are not allowed to do this' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  content_too_large: { status: 413, title: 'The request body is too large' },
  uri_too_long: { status: 414, title: 'The address is too long' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  header_fields_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  upstream_unreachable: { status: 502, title: 'The service behind this address cannot be reached' },
  token_in_response: { status: 502, title: 'The answer was stopped because it carried a token' },
  store_unavailable: { status: 503, title: 'Sessions cannot be read at the moment' },
  provider_unavailable: { status: 503, title: 'The login provider cannot be reached at the moment' },
  upstream_timeout: { status: 504, title: 'The service behind this address did not answer in time' },
} as const

/** The closed set of error codes. */
export type ErrorCode = keyof typeof errorTable

/** What may be said of an error besides its code. */
export interface BffErrorDetails {
  /** Shown to the client. Never holds a token, a code or a secret. */
  readonly detail?: string
  /** Logged only: the exact reason, in a few fixed words. */
  readonly reason?: string
  /** Seconds after which another try makes sense; sent as Retry-After. */
  readonly retryAfterSeconds?: number
  /** For 405: the methods that are allowed. */
  readonly allow?: readonly string[]
  readonly cause?: unknown
}

/** An error with a public code. Everything else that is thrown counts as `internal_error`. */
export class BffError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly detail: string | undefined
  readonly reason: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly allow: readonly string[] | undefined

  constructor(code: ErrorCode, details: BffErrorDetails = {}) {
    super(details.reason ?? errorTable[code].title, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'BffError'
    this.code = code
    this.status = errorTable[code].status
    this.detail = details.detail
    this.reason = details.reason
    this.retryAfterSeconds = details.retryAfterSeconds
    this.allow = details.allow
  }

  /** Gives a BffError back as it is and wraps everything else as `internal_error`. */
  static from(error: unknown): BffError {
    return error instanceof BffError ? error : new BffError('internal_error', { cause: error })
  }
}

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where, as in `routes[1].upstream`; empty for the config as a whole. */
  readonly path: string
  /** What is wrong and what to do about it. */
  readonly message: string
  /** The place in the config file, as in `coatcheck.yaml:12:5`, where there is a file. */
  readonly place?: string
}

/** A config that cannot be used: lists everything that is wrong with it, not only the first thing. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(
      `The config has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n` +
        problems
          .map((p) => `  ${p.place === undefined ? '' : `${p.place} `}${p.path === '' ? '(config)' : p.path}: ${p.message}`)
          .join('\n'),
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}
