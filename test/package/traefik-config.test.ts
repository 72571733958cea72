import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

// No Traefik can be had here. What can be told of its config without one is told here.

interface Router {
  readonly rule: string
  readonly service: string
  readonly middlewares?: readonly string[]
  readonly priority?: number
}

interface Dynamic {
  readonly http: {
    readonly routers: Readonly<Record<string, Router>>
    readonly middlewares: Readonly<Record<string, object>>
    readonly services: Readonly<Record<string, object>>
  }
}

const { http } = parse(
  readFileSync(fileURLToPath(new URL('../../examples/traefik/dynamic.yml', import.meta.url)), 'utf8'),
) as Dynamic

test('every router of the Traefik example leads to a service and middlewares that are there', () => {
  const routers = Object.entries(http.routers)
  expect(routers.length).toBeGreaterThan(2)
  for (const [name, { service, middlewares = [] }] of routers) {
    expect(http.services, name).toHaveProperty([service])
    for (const middleware of middlewares) expect(http.middlewares, name).toHaveProperty([middleware])
  }
})

test("the callback's router comes first, with its sandbox", () => {
  // Traefik takes the length of the rule where nothing else is said.
  const priorityOf = ({ priority, rule }: Router): number => priority ?? rule.length
  const first = Object.entries(http.routers).toSorted(([, one], [, other]) => priorityOf(other) - priorityOf(one))[0]
  expect(first?.[0]).toBe('callback')
  expect(first?.[1].middlewares).toEqual(['sandbox'])
  expect(http.middlewares['sandbox']).toEqual({ headers: { contentSecurityPolicy: 'sandbox' } })
})
