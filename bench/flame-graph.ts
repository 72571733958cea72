/** V8's CPU profile, as `node --cpu-prof` writes it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface Frame {
  readonly name: string
  readonly self: number
  readonly total: number
  readonly children: readonly Frame[]
}

const width = 1200
const rowHeight = 17
/** Narrower frames are left out. */
const narrowest = 1

/** The functions in which the most time was spent, by their own time; idle time does not count. */
export function selfTimes(profile: CpuProfile, most: number): { readonly name: string; readonly share: number }[] {
  const times = timesOf(profile)
  const byName = new Map<string, number>()
  for (const node of profile.nodes) {
    const name = nameOf(node)
    if (name !== '(idle)') byName.set(name, (byName.get(name) ?? 0) + (times.get(node.id) ?? 0))
  }
  const total = [...byName.values()].reduce((sum, time) => sum + time, 0)
  return [...byName]
    .map(([name, time]) => ({ name, share: time / total }))
    .sort((a, b) => b.share - a.share)
    .slice(0, most)
}

/** An SVG whose rows are callers above callees and whose widths are times; the pointer shows a frame's whole name. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = treeOf(profile)
  const boxes: string[] = []
  let depthMost = 0
  const draw = (frame: Frame, x: number, depth: number): void => {
    const frameWidth = (frame.total / root.total) * width
    if (frameWidth < narrowest) return
    depthMost = Math.max(depthMost, depth)
    const label = frame.name.slice(0, Math.floor(frameWidth / 6.5))
    const share = ((frame.total / root.total) * 100).toFixed(1)
    boxes.push(
      `<g><title>${escape(frame.name)}: ${share} %</title>` +
        `<rect x="${x.toFixed(1)}" y="${depth * rowHeight + 30}" width="${frameWidth.toFixed(1)}" height="${rowHeight - 1}" fill="${colour(frame.name)}"/>` +
        (label.length > 2 ? `<text x="${(x + 3).toFixed(1)}" y="${depth * rowHeight + 42}">${escape(label)}</text>` : '') +
        '</g>',
    )
    let childX = x
    for (const child of frame.children) {
      draw(child, childX, depth + 1)
      childX += (child.total / root.total) * width
    }
  }
  draw(root, 0, 0)
  const height = (depthMost + 1) * rowHeight + 40
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="4" y="18" font-size="14">${escape(title)}</text>${boxes.join('')}</svg>\n`
  )
}

function treeOf(profile: CpuProfile): Frame {
  const times = timesOf(profile)
  const byId = new Map(profile.nodes.map((node) => [node.id, node]))
  const build = (id: number): Frame | undefined => {
    const node = byId.get(id)
    if (node === undefined || nameOf(node) === '(idle)') return undefined
    const children = (node.children ?? []).flatMap((child) => build(child) ?? []).sort((a, b) => b.total - a.total)
    const self = times.get(id) ?? 0
    return { name: nameOf(node), self, total: self + children.reduce((sum, { total }) => sum + total, 0), children }
  }
  const root = build(profile.nodes[0]?.id ?? 0)
  if (root === undefined) throw new Error('the profile is empty')
  return root
}

function timesOf({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>()
  for (const [index, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  return times
}

function nameOf({ callFrame }: CpuProfile['nodes'][number]): string {
  const file = callFrame.url.replace(/^.*\/(node_modules|dist)\//, '').replace(/^file:\/\/.*\//, '')
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName
  return file === '' ? name : `${name} ${file}:${callFrame.lineNumber + 1}`
}

/** Ours, packages, Node and the engine apart. */
function colour(name: string): string {
  if (name.includes('undici/')) return '#f6c177'
  if (name.includes(' node:')) return '#9ccfd8'
  if (/\.js:\d+$/.test(name)) return '#ea9a97'
  return '#d8d8d8'
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
