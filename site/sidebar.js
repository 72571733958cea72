/** The order of the pages. A page that is named nowhere comes last, under "More", so that none is lost. */
const groups = [
  ['Start', ['getting-started', 'how-it-works', 'threat-model', 'migrating-a-spa', 'moving-bit-by-bit']],
  [
    'Your stack',
    [
      'gateway',
      'node',
      'express',
      'fastify',
      'hono',
      'next',
      'server-side',
      'aspnet-core',
      'browser',
      'browser-client',
      'compat',
      'react',
    ],
  ],
  ['Guides', ['sessions-and-cookies', 'csrf', 'logout', 'authorization', 'behind-a-proxy', 'recipes']],
  ['Stores', ['stores', 'redis', 'postgres', 'nodes', 'million-sessions']],
  ['Operate', ['production', 'operators', 'secrets', 'benchmark', 'growth', 'performance', 'faults']],
  ['Reference', ['options', 'errors', 'api/index', 'changelog']],
  ['About', ['architecture', 'security-policy', 'security', 'attacks', 'standards', 'mutants']],
]

export function sidebarOf(pages) {
  const titles = new Map(pages.map(({ place, title }) => [place, title ?? place]))
  const item = (place) => ({ text: titles.get(place), link: `/${place.replace(/(^|\/)index$/, '$1')}` })
  const named = new Set(groups.flatMap(([, places]) => places))
  const examples = [...titles.keys()].filter((place) => place.startsWith('examples/') && place !== 'examples/index').sort(byName)
  const others = [...titles.keys()].filter(
    (place) => place !== 'index' && !named.has(place) && !/^(examples|api|files)\//.test(place),
  )
  const sections = groups.map(([text, places]) => ({ text, items: places.filter((place) => titles.has(place)).map(item) }))
  sections.splice(2, 0, { text: 'Examples', collapsed: true, items: ['examples/index', ...examples].map(item) })
  if (others.length > 0) sections.push({ text: 'More', items: others.sort(byName).map(item) })
  const modules = [...titles.keys()].filter((place) => place.startsWith('api/') && place !== 'api/index').sort(byName)
  return {
    '/': sections,
    '/api/': [
      { text: 'Documentation', items: [item('getting-started'), item('options'), item('errors')] },
      { text: 'API reference', items: ['api/index', ...modules].map(item) },
    ],
  }
}

function byName(one, other) {
  return one < other ? -1 : 1
}
