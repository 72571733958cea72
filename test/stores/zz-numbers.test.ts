import { test } from 'vitest'
import { createRedisStore } from '../../src/stores/redis.ts'
import { commandAt } from '../support/redis-server.ts'
const url = 'redis://127.0.0.1:7391'
test('numbers', async () => {
  const stats = async () => Object.fromEntries([...String(await commandAt(url, 'info', 'commandstats')).matchAll(/cmdstat_(\S+):calls=(\d+)/g)].map(m => [m[1], Number(m[2])]))
  const stores = [0,1,2].map(() => createRedisStore({ url }))
  await Promise.all(stores.map(s => s.check()))
  const [a,b] = stores as any
  const value = Buffer.alloc(4096, 7)
  const v0 = await a.add('warm', { value, expiresAtMs: Date.now()+3600e3, tags: ['u:1','s:1'] })
  await a.get('warm'); await b.get('warm')
  const count = async (name: string, n: number, f: (i: number) => any) => {
    await commandAt(url, 'config', 'resetstat')
    const t = performance.now()
    for (let i = 0; i < n; i++) await f(i)
    const ms = performance.now() - t
    const st = await stats()
    console.log(name, (ms/n*1000).toFixed(1), 'us/op', JSON.stringify(st))
  }
  await count('get', 3000, () => a.get('warm'))
  await count('holds', 100000, () => { if (!a.holds('warm', v0)) throw new Error('no') })
  await count('add no tags', 1000, (i) => a.add(`n${i}`, { value, expiresAtMs: Date.now()+3600e3 }))
  await count('add 2 tags', 1000, (i) => a.add(`t${i}`, { value, expiresAtMs: Date.now()+3600e3, tags: [`x${i}`, `y${i}`] }))
  await count('touch', 1000, (i) => a.touch(`t${i}`, Date.now()+3700e3))
  let v = v0
  await count('replace', 1000, async () => { v = await a.replace('warm', v, value, Date.now()+3600e3) })
  await count('delete', 1000, (i) => a.delete(`t${i}`))
  for (const conc of [64]) {
    const t = performance.now(); await Promise.all(Array.from({length: conc}, async () => { for (let i=0;i<500;i++) await a.get('warm') })); const ms = performance.now()-t
    console.log('get c64', (conc*500/ms*1000).toFixed(0), '/s')
  }
  {
    const t = performance.now(); await Promise.all(Array.from({length: 64}, async (_, c) => { for (let i=0;i<100;i++) await a.add(`c${c}.${i}`, { value, expiresAtMs: Date.now()+3600e3 }) })); const ms = performance.now()-t
    console.log('add c64', (6400/ms*1000).toFixed(0), '/s')
  }
  console.log('mem rec 4096', await commandAt(url,'memory','usage','coatcheck:record:n1'), 'tag', await commandAt(url,'memory','usage','coatcheck:tag:u:1'), await commandAt(url,'memory','usage','coatcheck:record:warm'))
  const t = performance.now(); for (let i=0;i<1e6;i++) b.holds('warm', v); console.log('holds ns', performance.now()-t)
  await commandAt(url, 'config', 'resetstat'); await new Promise(r => setTimeout(r, 3000)); console.log('idle 3s 3 nodes', JSON.stringify(await stats()))
  for (const s of stores) await s.close()
  console.log('left', await commandAt(url,'hgetall','coatcheck:nodes'))
})
