import { handlers } from 'coatcheck/next'
import { bff } from '../../../lib/bff.js'

// Calls of scripts in the page, passed on to the API with the access token.
export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = handlers(bff)
