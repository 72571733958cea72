/** How a token may be spelt in an answer. Every way is judged as visible ASCII (RFC 6749, appendix A.12); other tokens stand as they are. */

/** So long a piece of each spelling is looked for first. Where it stands, the whole is compared. */
const needleLength = 32
const beginningLength = 8
/** Of a token's end, in whose base64 a piece is looked for. */
const longestEndBytes = 96

/** `%41` is the shortest escape: so many of them are longer than a needle. */
const mostCharactersInEscapes = 11

const visibleAscii = /^[\x20-\x7e]+$/
const everyEscape = (set: RegExp, prefix: string, isUpper: boolean, suffix = ''): ((text: string) => string) => {
  const escapes = Array.from({ length: 128 }, (_, code) => {
    const hex = code.toString(16).padStart(2, '0')
    return prefix + (isUpper ? hex.toUpperCase() : hex) + suffix
  })
  return (text) => text.replace(set, (character) => escapes[character.charCodeAt(0)] ?? character)
}
const json = (text: string): string => JSON.stringify(text).slice(1, -1)
const percent = (text: string): string => encodeURIComponent(text)

/** A run of characters that encoders leave alone has to be so long to be looked for alone. */
const shortestRun = 12

/** Spellings in which each character stands for itself: the end of the spelling is the spelling of the end. */
const spellings: readonly ((text: string) => string)[] = [
  (text) => text,
  json,
  (text) => json(text).replaceAll('/', '\\/'),
  percent,
  (text) => percent(text).replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  ...[true, false].flatMap((isUpper) => [
    everyEscape(/[^A-Za-z0-9]/g, '%', isUpper),
    // What stands in a JWT besides its two dots needs no escape; some encoders escape it all the same.
    everyEscape(/[^\w-]/g, '\\u00', isUpper),
    everyEscape(/[^A-Za-z0-9]/g, '\\u00', isUpper),
    // .NET's encoder of JSON, and of HTML.
    (text: string) => everyEscape(/["&'+<>`]/g, '\\u00', isUpper)(text.replaceAll('\\', '\\\\')),
    everyEscape(/["&'+<>]/g, '&#x', isUpper, ';'),
    // Mustache and its kin.
    everyEscape(/["&'/<=>`]/g, '&#x', isUpper, ';'),
    everyEscape(/[^A-Za-z0-9]/g, '&#x', isUpper, ';'),
  ]),
  (text) => text.replace(/[^A-Za-z0-9]/g, (character) => `&#${character.charCodeAt(0)};`),
]

/** Those of them in which not even letters and digits stand as they are. */
const escapedSpellings = [true, false].flatMap((isUpper) => [
  everyEscape(/./g, '\\u00', isUpper),
  everyEscape(/./g, '%', isUpper),
])

/** Whole spellings of a token; in base64 behind zero, one or two bytes of something else, without what depends on the neighbours. */
export function formsOf(token: string): string[] {
  if (!visibleAscii.test(token)) return [token]
  return [
    ...new Set(
      [...spellings, ...escapedSpellings].map((spell) => spell(token)).concat(base64Forms(token, 0).flatMap(inBothAlphabets)),
    ),
  ]
}

/** The first characters of each spelling. Costs some microseconds, however long the token is. */
export function beginningsOf(token: string): string[] {
  if (!visibleAscii.test(token)) return [token.slice(0, beginningLength)]
  const start = token.slice(0, beginningLength + 4)
  // What follows the next character that an encoder may escape can be spelt otherwise than what stands before it.
  const plain = start.slice(0, 1 + start.slice(1).search(/[^A-Za-z0-9]|$/))
  const all = [...spellings, ...escapedSpellings]
    .map((spell) => spell(plain))
    .concat(base64Forms(start, 0).flatMap(inBothAlphabets))
  return [...new Set(all.map((text) => text.slice(0, beginningLength)))]
}

/** A piece of each spelling, few in all: a plain run of the token is a piece of nearly every one. Costs some microseconds, however long the token is. */
export function needlesOf(token: string): string[] {
  if (!visibleAscii.test(token)) return [token]
  const end = token.slice(-needleLength)
  const run = plainRunOf(token)
  const ends = run === undefined ? spellings.map((spell) => spell(end)) : []
  for (const spell of escapedSpellings) ends.push(spell(token.slice(-mostCharactersInEscapes)))
  ends.push(...base64Forms(token, Math.max(0, token.length - longestEndBytes)).flatMap(base64PiecesOf))
  return [...new Set([...(run === undefined ? [] : [run]), ...ends.map((text) => text.slice(-needleLength))])]
}

/** From the end, because what stands there belongs to one token alone more often. */
function plainRunOf(token: string): string | undefined {
  let length = 0
  let [start, longest] = [0, 0]
  for (let at = token.length - 1; at >= 0 && longest < needleLength; at--) {
    length = isPlain(token.charCodeAt(at)) ? length + 1 : 0
    if (length > longest) [start, longest] = [at, length]
  }
  return longest >= shortestRun ? token.slice(start, start + longest) : undefined
}

function isPlain(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39)
}

/** Base64 of what follows `from`, in three positions (RFC 4648 section 4). */
function base64Forms(token: string, from: number): string[] {
  const forms: string[] = []
  for (let lead = 0; lead < 3; lead++) {
    const start = from === 0 ? 0 : from + ((3 - ((lead + from) % 3)) % 3)
    const before = start === 0 ? lead : 0
    const bytes = Buffer.alloc(before + token.length - start)
    bytes.write(token.slice(start), before, 'latin1')
    forms.push(bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)))
  }
  return forms
}

/** A text of base64 in both alphabets (RFC 4648 sections 4 and 5). */
function inBothAlphabets(text: string): string[] {
  return [text, text.replaceAll('+', '-').replaceAll('/', '_')]
}

/** The last piece that both alphabets write alike, or else the end in each. */
function base64PiecesOf(text: string): string[] {
  const same = plainRunOf(text)
  return same?.length === needleLength ? [same] : inBothAlphabets(text.slice(-needleLength))
}

/** JSON within JSON doubles its backslashes, at each level anew. */
const anyEscape = /\\+u00[0-9a-f]{2}|\\+["/]|\\\\|%[0-9a-f]{2}|&#x[0-9a-f]{2};|&#\d{2,3};|&(?:amp|lt|gt|quot|apos);/gi
const escapeHere = new RegExp(anyEscape.source, 'iy')
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
/** What may become an escape once more bytes are there. */
const cutEscape = /^(?:\\+(?:u0{0,2}|u00[0-9a-f])?|%[0-9a-f]?|&(?:#(?:x[0-9a-f]{0,2}|\d{0,3})|[a-z]{0,4}))$/i
const longestCutEscape = 12

/** The text without the escapes of JSON, of addresses and of HTML, in whatever mixture. */
export function unescaped(text: string): string {
  return text.replace(anyEscape, meantBy)
}

function meantBy(escape: string): string {
  if (escape.startsWith('&#') && !/x/i.test(escape)) return String.fromCharCode(Number.parseInt(escape.slice(2), 10))
  if (/^&[a-z]/i.test(escape)) return named[escape.slice(1, -1).toLowerCase()] ?? escape
  const code = /[0-9a-f]{2}(?=;?$)/i.exec(escape)?.[0]
  return code === undefined ? escape.slice(-1) : String.fromCharCode(Number.parseInt(code, 16))
}

/** Whether a text is the beginning of a token, and not all of it, in any mixture of escapes. */
export function isBeginningOf(token: string, text: string): boolean {
  let at = 0
  for (const character of token) {
    if (at === text.length || cutEscape.test(text.slice(at, at + longestCutEscape))) return true
    escapeHere.lastIndex = at
    const [escape] = escapeHere.exec(text) ?? []
    if (escape !== undefined && meantBy(escape) === character) at += escape.length
    else if (text[at] === character) at++
    else return false
  }
  return false
}
