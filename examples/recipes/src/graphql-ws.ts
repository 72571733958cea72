// graphql-ws.ts
import { createClient } from 'graphql-ws'

// No connectionParams: the handshake carries the cookie, the API gets the token as a header.
export const subscriptions = createClient({ url: new URL('/api/graphql', location.origin.replace('http', 'ws')).href })
