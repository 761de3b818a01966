/**
 * Some live dispatchers that send to an endpoint, be it under an id of their own. $1: organization, $2: environment, $3: the
 * endpoint. $4: rows. Relies on event_dispatchers_endpoint_idx.
 */
export const findDispatchersOfEndpointSql = `
select id::text from event_dispatchers
where organization_id = $1::uuid and environment_id = $2::uuid and deleted_at is null
  and dispatchable_type = 'WEBHOOK' and dispatchable ->> 'id' = $3
limit $4::int`

/**
 * Some dispatchers that are bound to an account, also ended ones. $1: organization, $2: environment, $3: our id of the
 * account. $4: rows. Relies on event_dispatchers_account_idx.
 */
export const findDispatchersOfAccountSql = `
select id::text from event_dispatchers
where organization_id = $1::uuid and environment_id = $2::uuid and external_account_id = $3::uuid
limit $4::int`

/**
 * Locks dispatchers in the order of their ids, as everyone does; tells of each whether it still sends to an endpoint.
 * $1: organization, $2: ids, $3: the endpoint. Relies on event_dispatchers_pkey.
 */
export const lockDispatchersOfEndpointSql = `
select id::text, deleted_at is null and dispatchable ->> 'id' = $3 as is_its from event_dispatchers
where organization_id = $1::uuid and id = any($2::uuid[])
order by id for update`

/** The same, telling of each whether it is still bound to an account. $3: our id of the account. */
export const lockDispatchersOfAccountSql = `
select id::text, external_account_id = $3::uuid as is_its from event_dispatchers
where organization_id = $1::uuid and id = any($2::uuid[])
order by id for update`

/** Ends dispatchers that the transaction holds. $1: organization, $2: ids. Relies on event_dispatchers_pkey. */
export const endDispatchersSql = `
update event_dispatchers set deleted_at = now() where organization_id = $1::uuid and id = any($2::uuid[])`

/** The same, and frees them from their account. */
export const endBoundDispatchersSql = `
update event_dispatchers set external_account_id = null, deleted_at = coalesce(deleted_at, now())
where organization_id = $1::uuid and id = any($2::uuid[])`
