// bff.ts
import { createBffClient } from 'coatcheck/browser'

export const bff = createBffClient() // one for the page
