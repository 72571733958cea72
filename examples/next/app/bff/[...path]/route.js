import { handlers } from 'coatcheck/next'
import { bff } from '../../../lib/bff.js'

// Login, callback, session, logout.
export const { GET, HEAD, POST, DELETE } = handlers(bff)
