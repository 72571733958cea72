import type { Duplex } from 'node:stream'
import type { Logger } from '../log.ts'
import type { ProxyRoute } from '../routes.ts'
import type { Sessions } from '../session/sessions.ts'
import type { ResponseRules } from './headers.ts'
import type { Live } from './live.ts'
import type { Admitted, Exchange } from './proxy.ts'

export class WebSockets {
  constructor(_options: { sessions: Sessions; live: Live; responseRules: ResponseRules; log: Logger }) {}
  open(_call: { exchange: Exchange; route: ProxyRoute; admitted: Admitted; socket: Duplex; head: Buffer }): void {}
  close(): void {}
}
