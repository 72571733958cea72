import { adapterSuite } from './adapter-suite.ts'
import { honoHost } from './hono-app.ts'

adapterSuite(honoHost('Hono on Node', 'node'))
adapterSuite(honoHost('Hono on any fetch runtime', 'web'))
