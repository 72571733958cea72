import type { AppName } from './places.ts'

/** The questions, in the order they are asked, with the answers there are. The first answer is the one marked at the start. */
export const questions = {
  apis: {
    ask: 'What does your page call?',
    answers: { oauth: 'APIs that want an OAuth access token', own: 'one backend of our own, on one domain' },
  },
  data: {
    ask: 'What is behind these calls?',
    answers: { sensitive: 'business, personal or otherwise sensitive data', harmless: 'data whose loss we would shrug at' },
  },
  server: {
    ask: 'Can you run a server component beside the page? A process, a container, an edge function.',
    answers: { yes: 'yes', no: 'no' },
  },
  through: {
    ask: 'Can all calls go through it? Think of very large transfers and of APIs of others.',
    answers: {
      all: 'yes, all',
      signed: 'not all, but signed URLs or streaming would do for the rest',
      some: 'not all, and nothing else will do',
    },
  },
  scripts: {
    ask: 'Whose JavaScript runs on your page?',
    answers: {
      many: 'ours, and that of others: tag managers, widgets, plugins, user HTML',
      ours: 'ours and our dependencies’ alone',
    },
  },
  siblings: {
    ask: 'What else lives under your domain?',
    answers: { others: 'apps of other teams, or content of users', nothing: 'nothing, or nothing we do not control' },
  },
  logout: {
    ask: 'What has to happen at logout, dismissal or theft?',
    answers: { now: 'it is over, everywhere, now', later: 'it may go on until a token expires' },
  },
  flow: {
    ask: 'What are you thinking of today?',
    answers: {
      other: 'nothing in particular, or one of the patterns above',
      refused: 'the implicit grant, the password grant, or a service worker as token vault',
    },
  },
} as const

export type Question = keyof typeof questions
export type Answers = { readonly [Q in Question]: keyof (typeof questions)[Q]['answers'] }
export type Pattern = 'cookie session' | 'bff' | 'bff, and mediated tokens for the rest' | 'browser' | 'a server first'

export interface Reason {
  readonly text: string
  /** Of RFC 10017. */
  readonly section: string
}

export interface Recommendation {
  readonly pattern: Pattern
  readonly title: string
  readonly reasons: readonly Reason[]
  /** What else to do or to know, whatever the pattern. */
  readonly besides: readonly Reason[]
  /** Rows of the matrix that show what this choice comes to. */
  readonly rows: readonly AppName[]
}

/** The pattern for these answers, read from the top: the first rule that fits decides. */
export function recommend(answers: Answers): Recommendation {
  const { apis, data, server, through } = answers
  const besides = besidesOf(answers)
  if (apis === 'own')
    return {
      pattern: 'cookie session',
      title: 'A cookie session of your own backend',
      reasons: [
        {
          text: 'One backend on one domain needs no OAuth in the page. A BFF would add a proxy that you do not need.',
          section: '7.1',
        },
      ],
      besides,
      rows: [],
    }
  if (data === 'harmless' && (server === 'no' || (answers.logout === 'later' && answers.scripts === 'ours')))
    return {
      pattern: 'browser',
      title: 'PKCE in the browser, with the tokens in memory or in a worker',
      reasons: [
        {
          text: 'Nothing of value is behind these tokens, so a stolen one costs little. All attacks of this lab apply.',
          section: '5.1',
        },
        {
          text: 'Rotate refresh tokens or bind them with DPoP. Neither stops a login that the script runs by itself.',
          section: '6.3.4',
        },
      ],
      besides,
      rows: ['mem'],
    }
  if (server === 'no')
    return {
      pattern: 'a server first',
      title: 'A server component first, then a BFF',
      reasons: [
        {
          text: 'Tokens in the browser are not recommended for business applications, or for personal or sensitive data.',
          section: '6.3.4',
        },
        {
          text: 'A function at the edge that holds a session is enough. Without one, the first two rows below are what an injected script gets.',
          section: '6.1',
        },
      ],
      besides,
      rows: ['bff'],
    }
  const strongly: Reason = {
    text: 'A BFF is strongly recommended for business applications and for sensitive or personal data: no token is where a script can reach it.',
    section: '6.1.4.3',
  }
  const light: Reason = {
    text: 'The data alone would not ask for it. A logout that counts at once, or scripts of others in the page, do.',
    section: '6.1',
  }
  const first = data === 'sensitive' ? strongly : light
  if (through === 'some')
    return {
      pattern: 'bff, and mediated tokens for the rest',
      title: 'A BFF, and a token-mediating backend for the calls that cannot go through it',
      reasons: [
        first,
        {
          text: 'Only where a call cannot be proxied: one audience, a small scope, minutes of life. That access token can be stolen.',
          section: '6.2.4',
        },
      ],
      besides,
      rows: ['bff', 'tmb'],
    }
  return {
    pattern: 'bff',
    title: 'A BFF',
    reasons: [
      first,
      ...(through === 'signed'
        ? [
            {
              text: 'Signed URLs or a streaming route for the rest: a token in the page for one API is a token in the page.',
              section: '6.2.4',
            },
          ]
        : []),
    ],
    besides,
    rows: ['bff'],
  }
}

function besidesOf({ scripts, siblings, logout, flow, apis }: Answers): Reason[] {
  return [
    ...(flow === 'refused'
      ? [
          {
            text: 'None of the three you name: the implicit grant, the password grant and the token vault in a service worker are ruled out.',
            section: '7.2 to 7.4',
          },
        ]
      : []),
    ...(scripts === 'many'
      ? [
          {
            text: 'Each foreign script can do in the open page what your code can. No pattern changes that: have fewer, and a strict Content-Security-Policy.',
            section: '5.1.4',
          },
        ]
      : []),
    ...(siblings === 'others'
      ? [
          {
            text: 'A sibling subdomain is the same site, so SameSite does not stop it. Whatever uses cookies needs a check of its own against forged requests.',
            section: '6.1.3.3',
          },
        ]
      : []),
    ...(logout === 'now' && apis === 'oauth'
      ? [{ text: '“Over, now” needs the session on a server, and tokens that are nowhere else.', section: '6.1' }]
      : []),
  ]
}

/** Answers from a form; what is missing or unknown takes the first answer of its question. */
export function readAnswers(form: URLSearchParams): Answers {
  const read = <Q extends Question>(name: Q): Answers[Q] => {
    const known = Object.keys(questions[name].answers)
    return (known.find((answer) => answer === form.get(name)) ?? known[0]) as Answers[Q]
  }
  return {
    apis: read('apis'),
    data: read('data'),
    server: read('server'),
    through: read('through'),
    scripts: read('scripts'),
    siblings: read('siblings'),
    logout: read('logout'),
    flow: read('flow'),
  }
}
