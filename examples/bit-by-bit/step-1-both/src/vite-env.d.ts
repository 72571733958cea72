interface ImportMeta {
  readonly env: Readonly<Record<'VITE_OIDC_AUTHORITY' | 'VITE_API_URL', string>>
}
