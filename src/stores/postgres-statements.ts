import type { Statement } from './postgres-pool.ts'

/** Every statement of the store. What varies is a parameter, except for the schema, a name of checked letters. */
export type Statements = ReturnType<typeof statementsFor>

/**
 * The time is a parameter, so that expiry is judged by the clock of the node and not by the server's. A version is chosen by
 * the writer, so that a write whose answer got lost can be repeated. What ends a version announces it in its own
 * transaction: there is no such write that the other nodes do not hear of.
 */
export function statementsFor(schema: string) {
  const records = `${schema}.records`
  const statement = (name: string, text: string): Statement => ({ name: `coatcheck_${name}`, text })
  return {
    /** key, now */
    get: statement('get', `select value, version, expires_at from ${records} where key = $1 and expires_at > $2`),

    /** key, version, expires at, tags, value, now */
    add: statement(
      'add',
      `insert into ${records} as old (key, version, expires_at, sweep_at, tags, value) values ($1, $2, $3, $3, $4, $5)
      on conflict (key) do update set version = excluded.version, expires_at = excluded.expires_at,
        sweep_at = excluded.sweep_at, tags = excluded.tags, value = excluded.value
      where old.expires_at <= $6 or old.version = excluded.version
      returning 1 as added`,
    ),

    /** key, version, new version, value, expires at, now, channel, announcement */
    replace: statement(
      'replace',
      `with written as (
        update ${records} set version = $3, value = $4, expires_at = $5, sweep_at = least(sweep_at, $5)
        where key = $1 and version in ($2, $3) and expires_at > $6 returning 1
      ) select pg_notify($7, $8) from written`,
    ),

    /** key, later expiry, now. It does not wait for the disk: what is lost with the power is a moment of one session. */
    extend: statement(
      'extend',
      `update ${records} set expires_at = $2 from (select set_config('synchronous_commit', 'off', true)) as quick
      where key = $1 and expires_at > $3 and expires_at <= $2 returning 1 as touched`,
    ),

    /** key, earlier expiry, now, channel, announcement */
    shorten: statement(
      'shorten',
      `with written as (
        update ${records} set expires_at = $2, sweep_at = least(sweep_at, $2)
        where key = $1 and expires_at > $3 returning 1
      ) select pg_notify($4, $5) from written`,
    ),

    /** key, version or null, now, channel, announcement */
    delete: statement(
      'delete',
      `with gone as (
        delete from ${records} where key = $1 and ($2::bigint is null or version = $2) returning expires_at > $3 as live
      ) select live, pg_notify($4, $5) from gone`,
    ),

    /** tag, now, channel, announcement without keys. Rows are locked in one order, so that two of these cannot deadlock. */
    deleteTagged: statement(
      'delete_tagged',
      `with found as materialized (
        select key from ${records} where tags @> array[$1] collate "C" order by key for update
      ), gone as (
        delete from ${records} as old using found where old.key = found.key returning old.key, old.expires_at > $2 as live
      ), told as (
        select pg_notify($3, $4 || case when sum(length(key) + 1) > 7000 then '' else E'\\n' || string_agg(key, E'\\n') end)
        from gone having count(*) > 0
      ) select key, live from gone, told`,
    ),

    /** tag, now */
    listTagged: statement(
      'list_tagged',
      `select key, value, version, expires_at from ${records} where tags @> array[$1] collate "C" and expires_at > $2`,
    ),

    /** prefix, key to go on after or null, now, most rows. No key has a character beyond "~". */
    list: statement(
      'list',
      `select key, value, version, expires_at from ${records}
      where key >= greatest($1::text collate "C", coalesce($2::text, '')) and key < $1 || E'\x7f'
        and ($2 is null or key > $2) and expires_at > $3
      order by key limit $4`,
    ),

    /** now, most rows. Rows that somebody else has locked are left for the next time. */
    sweep: statement(
      'sweep',
      `with due as materialized (
        select key from ${records}, (select set_config('synchronous_commit', 'off', true)) as quick
        where sweep_at <= $1 order by sweep_at limit $2 for update of records skip locked
      ), gone as (
        delete from ${records} as old using due where old.key = due.key and old.expires_at <= $1 returning 1
      ), kept as (
        update ${records} as old set sweep_at = old.expires_at from due where old.key = due.key and old.expires_at > $1 returning 1
      ) select (select count(*)::int from due) as looked, (select count(*)::int from gone) as gone, count(*)::int as kept from kept`,
    ),

    /** value */
    probe: statement('probe', `update ${schema}.probe set value = $1 where id = 1 returning value`),

    /** channel, message */
    say: statement('say', 'select pg_notify($1, $2)'),

    version: statement('version', `select max(version) as version from ${schema}.migration`),

    /** channel, message, table. The file of the table changes when it is truncated, restored or made anew. */
    beat: statement('beat', `select pg_notify($1, $2), pg_relation_filenode(to_regclass($3))::text as file`),
  }
}
