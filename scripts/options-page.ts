import type { configJsonSchema } from '../src/config/json-schema.ts'

type Node = ReturnType<typeof configJsonSchema>

/** One option of the config. */
interface Row {
  /** As in `routes[].timeoutSeconds`. */
  readonly path: string
  readonly type: string
  readonly preset: string
  readonly meaning: string
}

const introduction = `# Options

<!-- Made from src/config/schema.ts. Change the schema, then run: npx vitest run test/package/options.test.ts -u -->

Everything Coatcheck can be told, in a YAML or JSON file (\`coatcheck serve -c coatcheck.yaml\`) or as the options of
\`createBff\`. What has no default and is not optional has to be written.

- Any value may be \`\${env:NAME}\` or \`\${file:PATH}\`, alone or inside a longer text; \`$\${\` stands for a plain \`\${\`. A
  file loses one line break at its end. Where a number, true or false is asked for, the text is read as one.
- Relative paths start from the folder of the config file, and from the working directory with \`createBff\`.
- \`coatcheck check -c coatcheck.yaml\` says everything that is wrong at once. Unknown options are errors.
- \`schema/coatcheck.schema.json\` lets an editor complete and check: put
  \`# yaml-language-server: $schema=node_modules/coatcheck/schema/coatcheck.schema.json\` into the first line.
`

/** The options page, out of the JSON Schema of the config. */
export function optionsPage(schema: Node): string {
  const sections = Object.entries(schema.properties ?? {})
  const single = sections.filter(([, node]) => isNode(node) && childrenOf(node).length === 0)
  const grouped = sections.filter(([, node]) => isNode(node) && childrenOf(node).length > 0)
  const required = new Set(schema.required)
  const parts = [
    introduction,
    '## The app as a whole\n',
    table(single.flatMap(([name, node]) => (isNode(node) ? [rowOf(name, node, required.has(name))] : []))),
  ]
  for (const [name, node] of grouped) {
    if (!isNode(node)) continue
    const { description = '' } = node
    parts.push(`## ${name}\n`, `${description}${required.has(name) ? '' : ' May be left out.'}\n`, table(rowsIn(name, node)))
  }
  return parts.join('\n')
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ path, type, preset, meaning }) => `| \`${path}\` | ${cell(type)} | ${cell(preset)} | ${cell(meaning)} |`,
  )
  return ['| option | type | default | meaning |', '|---|---|---|---|', ...lines, ''].join('\n')
}

function rowsIn(path: string, section: Node): Row[] {
  const inner = section.type === 'array' && isNode(section.items) ? section.items : section
  const prefix = section.type === 'array' ? `${path}[]` : path
  const known = new Map<string, Row>()
  for (const [name, node, required] of childrenOf(inner)) {
    const row = rowOf(`${prefix}.${name}`, node, required)
    const earlier = known.get(row.path)
    if (earlier !== undefined) {
      known.set(row.path, { ...earlier, type: `${earlier.type} \\| ${row.type}` })
      continue
    }
    known.set(row.path, row)
    for (const deeper of rowsIn(`${prefix}.${name}`, node)) known.set(deeper.path, deeper)
  }
  return [...known.values()]
}

/** The options in a section; those of every alternative where there are several. */
function childrenOf(node: Node): [name: string, node: Node, required: boolean][] {
  if (node.type === 'array') return isNode(node.items) ? childrenOf(node.items) : []
  const alternatives = node.oneOf ?? [node]
  return alternatives.flatMap((alternative) =>
    !isNode(alternative)
      ? []
      : Object.entries(alternative.properties ?? {}).flatMap(([name, child]): [string, Node, boolean][] =>
          isNode(child) ? [[name, child, alternative.required?.includes(name) === true]] : [],
        ),
  )
}

function rowOf(path: string, node: Node, required: boolean): Row {
  const hasChildren = childrenOf(node).length > 0
  const preset =
    node.default === undefined || (hasChildren && isEmpty(node.default))
      ? required
        ? 'required'
        : '-'
      : `\`${JSON.stringify(node.default)}\``
  return { path, type: typeOf(node), preset, meaning: node.description ?? '' }
}

function typeOf(node: Node): string {
  const narrow = node.anyOf?.[0]
  if (isNode(narrow)) return typeOf(narrow)
  if (node.enum !== undefined) return node.enum.map((choice) => `\`${String(choice)}\``).join(' \\| ')
  if (node.const !== undefined) return `\`${String(node.const)}\``
  if (node.type === 'array') return `list of ${isNode(node.items) ? typeOf(node.items) : 'anything'}`
  if (node.type === 'integer') return `whole number${rangeOf(node)}`
  if (node.type === 'string') return node.writeOnly === true ? 'secret' : 'text'
  if (node.type === 'boolean') return 'true or false'
  if (isNode(node.additionalProperties)) return 'mapping of names to values'
  return 'mapping'
}

function rangeOf({ minimum, maximum }: Node): string {
  const ends = [
    minimum === undefined ? '' : `from ${minimum}`,
    maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? '' : `to ${maximum}`,
  ]
  const range = ends.filter((end) => end !== '').join(' ')
  return range === '' ? '' : `, ${range}`
}

function isNode(node: unknown): node is Node {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function cell(text: string): string {
  return text.replace(/(?<!\\)\|/g, '\\|').replace(/\s*\n\s*/g, ' ')
}
