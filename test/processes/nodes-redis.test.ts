import { redisBackend } from './support/nodes-redis.ts'
import { describeNodes } from './support/nodes-suite.ts'

describeNodes(redisBackend)
