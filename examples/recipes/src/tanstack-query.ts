// tanstack-query.ts
import { QueryClient } from '@tanstack/query-core' // or from @tanstack/react-query, vue-query, ...
import { bff } from './bff.ts'

const retry = (count: number, error: Error) => error.message !== '401' && count < 2
export const queryClient = new QueryClient({ defaultOptions: { queries: { retry } } })
bff.on('login', ({ userChanged }) => userChanged && queryClient.clear())

export async function getJson(path: string): Promise<unknown> {
  const response = await bff.fetch(path)
  if (!response.ok) throw new Error(`${response.status}`)
  return await response.json()
}
