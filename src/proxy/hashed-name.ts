/** What stands where bundlers write a hash: between a separator and the extension of something that a build makes. */
const hashed =
  /(?:[.-]|\/_nuxt\/)([\w-]{8}|[0-9a-f]{9,64})(?:\.(?:chunk|module|bundle|min))?\.(?:(js|mjs|css)(?:\.map)?|woff2?|ttf|png|jpe?g|svg|webp|avif|gif|ico|wasm|json)$/

/** Up to three words and a number, as in `icon-UserMenu.svg` and `icon-iPhone12.png`: a hash changes its kind of letter more often. */
const words = /^(?:(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}(?=[-_]|$)|^[a-z](?=[A-Z]))[-_]?){1,3}\d*$/

/**
 * Whether a file's name has a hash of its content in it, so that a browser may keep the file for ever: hex as webpack
 * writes it, capitals as esbuild and Angular do, base64url as Vite does. A hash that looks like a word is taken for
 * one, which costs a question to the server; a word that is taken for a hash would cost users a year of an old file.
 */
export function isHashedName(path: string): boolean {
  if (path.includes('/immutable/')) return true
  const [, hash = '', code] = hashed.exec(path) ?? []
  if (hash === '') return false
  if (/^[0-9a-f]+$/.test(hash)) return /\d/.test(hash) && /[a-f]/.test(hash)
  if (/^[A-Z2-7]+$/.test(hash)) return code !== undefined || /\d/.test(hash)
  return /[A-Z]/.test(hash) && !words.test(hash)
}
