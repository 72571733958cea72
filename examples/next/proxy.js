import { requireSession } from 'coatcheck/next'
import { bff } from './lib/bff.js'

export const proxy = requireSession(bff)

// The pages that need a session. They may read it themselves too, and show less to those without one.
export const config = { matcher: ['/account/:path*'] }
