/** The element with the id, which the page is known to have. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`the page lacks #${id}`)
  return found
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<Pick<HTMLElementTagNameMap[K], 'className' | 'textContent'>> = {},
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** One line of a list of facts. `kind` colours it: nothing there, or something that is held. */
export interface Fact {
  readonly term: string
  readonly value: string
  readonly kind?: 'empty' | 'held'
}

export function showFacts(list: HTMLElement, facts: readonly Fact[]): void {
  list.replaceChildren(
    ...facts.flatMap(({ term, value, kind }) => {
      const description = make('dd', { textContent: value })
      if (kind !== undefined) description.dataset['kind'] = kind
      return [make('dt', { textContent: term }), description]
    }),
  )
}

export function showOutcome(paragraph: HTMLElement, kind: 'good' | 'bad', text: string): void {
  paragraph.dataset['kind'] = kind
  paragraph.textContent = text
}

/** `4:05`, or `7:59:58` from an hour on. */
export function timeUntil(iso: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((Date.parse(iso) - nowMs) / 1000))
  const two = (number: number) => String(number).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}
