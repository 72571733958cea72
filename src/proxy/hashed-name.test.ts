import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isHashedName } from './hashed-name.ts'

describe('isHashedName', () => {
  test.each([
    '/assets/app-B3nX9_a1.js',
    '/assets/app-B3nX9_a1.js.map',
    '/assets/index-D-x_9aBc.css',
    '/assets/logo-DJ3xYz12.svg',
    '/_astro/index.DJ3xYz12.css',
    '/main.4f8a9c1e.css',
    '/static/js/main.4f8a9c1e.js',
    '/static/js/787.28cb0dcd.chunk.js',
    '/main.4f8a9c1e2b3c4d5e6f70.js',
    '/static/media/font.4f8a9c1e2b3c4d5e6f70.woff2',
    '/chunk-ABCDEFGH.js',
    '/main-2QXW7ZP4.js',
    '/media/logo-2QXW7ZP4.png',
    '/_next/static/chunks/framework-4a7382ad9b766031.js',
    '/_nuxt/B3nX9_a1.js',
    '/_app/immutable/chunks/x.js',
    '/main-es2015.4f8a9c1e.js',
  ])('%s has one', (path) => {
    expect(isHashedName(path)).toBe(true)
  })

  test.each([
    '/',
    '/index.html',
    '/app.js',
    '/my-component.js',
    '/user-settings.js',
    '/jquery-3.7.1.min.js',
    '/android-chrome-512x512.png',
    '/apple-touch-icon-180x180.png',
    '/favicon-32x32.png',
    '/photo-20240101.jpg',
    '/report.20240101.json',
    '/logo-1024x768.png',
    '/logo-original.png',
    '/icon-UserMenu.svg',
    '/icon-iPhone12.png',
    '/lib-version2.js',
    '/app-e2e-test.json',
    '/docs-FAQ-Page.svg',
    '/my-Big-Logo.png',
    '/logo-INVERTED.svg',
    '/facade-deadbeef.js',
    '/manifest.webmanifest',
    '/service-worker.js',
    '/index-B3nX9_a1.html',
    '/a-B3nX9_a1',
    '/B3nX9_a1.js',
    '/x-B3nX9_a.js',
    '/env-prod-eu-west-1.json',
    '/config-2024-01-01.json',
  ])('%s has none', (path) => {
    expect(isHashedName(path)).toBe(false)
  })

  test('nearly all hashes of Vite and esbuild are known as such', () => {
    const share = (alphabet: string): number => {
      const hashes = Array.from({ length: 5000 }, (_, i) =>
        [...createHash('sha256').update(String(i)).digest().subarray(0, 8)]
          .map((byte) => alphabet.charAt(byte % alphabet.length))
          .join(''),
      )
      return hashes.filter((hash) => isHashedName(`/assets/app-${hash}.js`)).length / hashes.length
    }
    expect(share('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')).toBeGreaterThan(0.93)
    expect(share('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')).toBeGreaterThan(0.99)
  })

  test('a long name takes no time', () => {
    const startedAt = performance.now()
    isHashedName(`/${'-aA1'.repeat(2000)}.js`)
    isHashedName(`/a-${'0'.repeat(8000)}.j`)
    expect(performance.now() - startedAt).toBeLessThan(100)
  })
})
