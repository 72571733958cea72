import { postgresBackend } from './support/nodes-postgres.ts'
import { describeNodes } from './support/nodes-suite.ts'

describeNodes(postgresBackend)
