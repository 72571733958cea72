// axios.ts
import axios from 'axios'
import { bff } from './bff.ts'

/** With `csrf: { cookie: true }` in the config, `axios.create({ baseURL: '/api' })` is enough. */
export const api = axios.create({ baseURL: '/api', adapter: 'fetch', env: { fetch: bff.fetch } })
