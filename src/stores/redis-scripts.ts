import { createHash } from 'node:crypto'

/** A Lua script and the name under which a server remembers it. */
export interface RedisScript {
  readonly lua: string
  readonly sha1: string
}

/*
 * A record is one hash, so that each script stays in one slot of a cluster:
 * v version, e expiry (epoch ms), d content, b version at birth, t tags with newlines between them.
 *
 * What is not of this form counts as absent. Whoever asks brings the time: the server's clock decides nothing.
 */
const live = `
local function live(key, now)
  if redis.call('TYPE', key).ok ~= 'hash' then return nil end
  local record = redis.call('HMGET', key, 'v', 'e', 'b', 't')
  local expires = tonumber(record[2])
  if not (tonumber(record[1]) and expires and record[3] and record[4]) then return nil end
  if now >= expires or redis.call('HEXISTS', key, 'd') == 0 then return nil end
  return record
end
`

// First the message, then the write: a script has no rollback, and a write without its message must not happen.
const tell = `
local function tell(channel, sender, version, expires, key)
  redis.call('PUBLISH', channel, sender .. ' ' .. version .. ' ' .. expires .. ' ' .. key)
end
`

/**
 * KEYS record. ARGV now, version, expiry, milliseconds to keep, content, tags. 1 where it was added. The content is the
 * first thing to be written where that is possible: after a first write, a server that is out of memory refuses nothing.
 */
export const addScript = scriptOf(`${live}
local found = live(KEYS[1], tonumber(ARGV[1]))
if found then return found[1] == ARGV[2] and 1 or 0 end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'e', ARGV[3], 'd', ARGV[5], 'b', ARGV[2], 't', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`)

/**
 * KEYS record. ARGV now, channel, sender, expiry, milliseconds to keep, version, next version, content.
 * Version, birth and tags where it was replaced. A second run after a lost answer finds its own version and agrees.
 */
export const replaceScript = scriptOf(`${live}${tell}
local found = live(KEYS[1], tonumber(ARGV[1]))
if not found or (found[1] ~= ARGV[6] and found[1] ~= ARGV[7]) then return false end
tell(ARGV[2], ARGV[3], ARGV[7], ARGV[4], KEYS[1])
redis.call('HSET', KEYS[1], 'v', ARGV[7], 'e', ARGV[4], 'd', ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {ARGV[7], found[3], found[4]}
`)

/** KEYS record. ARGV now, channel, sender, expiry, milliseconds to keep. Version, birth and tags where it was touched. */
export const touchScript = scriptOf(`${live}${tell}
local found = live(KEYS[1], tonumber(ARGV[1]))
if not found then return false end
tell(ARGV[2], ARGV[3], found[1], ARGV[4], KEYS[1])
redis.call('HSET', KEYS[1], 'e', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {found[1], found[3], found[4]}
`)

/** KEYS record. ARGV now, channel, sender, version or '', birth or ''. Version, birth and tags where it was deleted. */
export const deleteScript = scriptOf(`${live}${tell}
local found = live(KEYS[1], tonumber(ARGV[1]))
if not found then return false end
if (ARGV[4] ~= '' and ARGV[4] ~= found[1]) or (ARGV[5] ~= '' and ARGV[5] ~= found[3]) then return false end
tell(ARGV[2], ARGV[3], 0, 0, KEYS[1])
redis.call('DEL', KEYS[1])
return {found[1], found[3], found[4]}
`)

/** KEYS tag. ARGV now, hint, until when it is kept. Drops hints whose time is over, and keeps the tag as long as its last. */
export const hintScript = scriptOf(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], 'GT', ARGV[3], ARGV[2])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(last[2]) - tonumber(ARGV[1])))
return 1
`)

/** KEYS nodes. ARGV node. 1 where the node was still in the list and is marked as expelled now. */
export const expelScript = scriptOf(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'expelled')
return 1
`)

function scriptOf(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') }
}
