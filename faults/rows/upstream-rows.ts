import { startRecordingUpstream, type UpstreamScript } from '../../test/support/recording-upstream.ts'
import { decodeClaims } from '../../test/support/signing.ts'
import { sessionCookie } from '../load.ts'
import type { Row, Scene } from '../row.ts'

const answers = (script: UpstreamScript) => ({
  begin: async ({ stage }: Scene) => stage.api.answer(script),
  end: async ({ stage }: Scene) => stage.api.answer(undefined),
})
const bad = (outcome: string) => ({ outcomes: { api: [outcome], refresh: [outcome] } })

export const upstreamRows: readonly Row[] = [
  {
    id: 'R21 refuses',
    fault: 'Nothing listens at the upstream for 3 s.',
    expected: '502 at once; other upstreams go on; back at once.',
    stores: ['embedded'],
    allowed: { ...bad('502 upstream'), p99Ms: { api: 500 } },
    begin: ({ stage }) => stage.api.close(),
    end: async ({ stage }) => {
      stage.api = await startRecordingUpstream({ port: stage.api.port })
    },
  },
  {
    id: 'R21 resets',
    fault: 'The upstream resets every connection before it answers, for 3 s.',
    expected: '502 at once, no crash.',
    stores: ['embedded'],
    allowed: { ...bad('502 upstream'), p99Ms: { api: 500 } },
    ...answers({ reset: true }),
  },
  {
    id: 'R22 resets',
    fault: 'The upstream resets in the middle of every body, for 3 s.',
    expected: "The client's connection is cut: never a short body that looks whole, and no text of an error appended.",
    stores: ['embedded'],
    allowed: { ...bad('cut short'), p99Ms: { api: 500 } },
    ...answers((_request, exchange) => {
      exchange.write(
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"sub":"user-ada\r\n',
      )
      setTimeout(() => exchange.reset(), 20)
    }),
  },
  {
    id: 'R22 short',
    fault: 'The upstream sends less than its Content-Length and ends, for 3 s.',
    expected: "The client's connection is cut: never a short body that looks whole.",
    stores: ['embedded'],
    allowed: { ...bad('cut short'), p99Ms: { api: 500 } },
    ...answers((_request, exchange) => {
      exchange.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"sub":"user-ada"}')
      exchange.end()
    }),
  },
  {
    id: 'R23 hangs',
    deadlines: { upstreamSeconds: 2 },
    fault: 'The upstream takes requests and answers nothing, for 4 s. The deadline is set to 2 s.',
    expected: '504 at the deadline; other upstreams go on.',
    stores: ['embedded'],
    faultMs: 4_000,
    allowed: { ...bad('504 upstream'), p99Ms: { api: 2_800, refresh: 2_800 } },
    ...answers({ hang: true }),
  },
  {
    id: 'R23 silent stream',
    deadlines: { upstreamSeconds: 2 },
    fault:
      'An event stream says one thing and is silent for 4 s, twice the header deadline (not the 10 minutes of the description).',
    expected: 'The stream lives on, and what it says then arrives.',
    stores: ['embedded'],
    faultMs: 4_000,
    begin: async ({ stage, load, findings }) => {
      let say: (() => void) | undefined
      stage.api.answer((request, exchange) => {
        if (request.target !== '/events') return exchange.respond({ body: { sub: decodeClaims(request.bearer ?? '')['sub'] } })
        exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n')
        say = () => {
          exchange.write('data: two\n\n')
          exchange.end()
        }
      })
      const [user] = load.users
      const headers = {
        cookie: `${sessionCookie}=${user?.cookie ?? ''}`,
        'sec-fetch-site': 'same-origin',
        accept: 'text/event-stream',
      }
      streamed = load.client.ask(stage.node().port, { path: '/api/events', headers }).then((reply) => {
        if (reply.body !== 'data: one\n\ndata: two\n\n')
          findings.wrong.push(`the stream gave ${JSON.stringify(reply.body.slice(0, 60))}`)
      })
      goOn = () => say?.()
    },
    end: async () => {
      goOn()
      await streamed
    },
  },
]

let streamed: Promise<void> = Promise.resolve()
let goOn: () => void = () => undefined
