/** The pages of the lab, in the order of the tour. */
export const exhibits = [
  { slug: 'pkce', claim: 'PKCE replaces a BFF', answer: 'PKCE proves who started the login. The attacker starts one too.' },
  { slug: 'proxy', claim: 'A BFF is just a proxy', answer: 'What matters is who holds the token, not which way the calls take.' },
  {
    slug: 'token-mediating',
    claim: 'A token-mediating backend is the same',
    answer: 'It hands the token to the page, and so to the script. The token outlives the logout.',
  },
  {
    slug: 'cookies',
    claim: 'Cookies are less secure',
    answer: 'A script cannot read this one. A thief at the machine can, until the logout.',
  },
  { slug: 'everything', claim: 'A BFF solves everything', answer: 'Five attacks that work on a BFF when one part is left out.' },
  { slug: 'rewrite', claim: 'You must rewrite the app', answer: 'The change, line by line. Most of it is deletion.' },
  {
    slug: 'threat-model',
    claim: 'We need a BFF, because everybody says so',
    answer: 'Start with the threat model: eight questions, and what follows from them.',
  },
] as const

export type Slug = (typeof exhibits)[number]['slug']
export const pageNames = [...exhibits.map(({ slug }) => slug), 'not-solved'] as const
export type PageName = (typeof pageNames)[number]
