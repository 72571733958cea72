import { expect, test } from 'vitest'
import { findSecrets } from './secret-search.ts'

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyLWFkYSIsInNjb3BlIjoib3BlbmlkIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg+/x'
const secrets = new Map([[token, 'access_token']])
const found = (text: string) => findSecrets(secrets, [{ where: 'here', text }]).length > 0

test.each([
  ['as it is', `{"a":"${token}"}`],
  ['percent-encoded', encodeURIComponent(token)],
  ['in base64', Buffer.from(token).toString('base64')],
  ['in base64 with something before', Buffer.from(`x${token}`).toString('base64')],
  ['in base64url with more before', Buffer.from(`xy${token}z`).toString('base64url')],
  ['in hex', Buffer.from(token).toString('hex')],
  ['by its signature', 'c2lnbmF0dXJlLW9mLXRoZS10b2tlbg+/x'],
  ['by its payload', 'eyJzdWIiOiJ1c2VyLWFkYSIsInNjb3BlIjoib3BlbmlkIn0'],
])('finds a token %s', (_form, text) => {
  expect(found(text)).toBe(true)
})

test('finds nothing in other text', () => {
  expect(found('{"sub":"user-ada"} eyJhbGciOiJSUzI1NiJ9')).toBe(false)
})
