import { startDevProvider } from 'coatcheck/dev'
import { startEmbedded } from '../support/embedded.js'

await startEmbedded(import.meta.dirname, startDevProvider)
