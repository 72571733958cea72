import { expect, test } from 'vitest'
import { parseUrl } from './url-reading.ts'

test('a text is read in the same way however often it is asked for', () => {
  for (let time = 0; time < 100_000; time++) {
    if (parseUrl('https://bücher.example/müller')?.hostname !== 'xn--bcher-kva.example') expect.fail(`not the ${time}th time`)
    if (parseUrl('/müller', 'https://a.example')?.pathname !== '/m%C3%BCller') expect.fail(`not the ${time}th time`)
  }
})

test('what is no URL is none', () => {
  for (const text of ['', '/path', 'https://', 'https://a b', 'https://[::1']) expect(parseUrl(text), text).toBeUndefined()
})
