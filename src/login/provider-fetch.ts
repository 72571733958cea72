/** What is asked of a provider. */
export interface ProviderRequest {
  readonly method?: string | undefined
  readonly headers?: Record<string, string> | undefined
  readonly body?: string | URLSearchParams | Uint8Array | ReadableStream | null | undefined
  readonly signal?: AbortSignal | undefined
}

/** The back channel to the provider: verified TLS, a deadline, a bound on the answer, and no redirects followed. */
export type ProviderFetch = (url: string | URL, request?: ProviderRequest) => Promise<Response>
