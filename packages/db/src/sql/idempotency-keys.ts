/**
 * Claims a key for a request; one that has run out is taken over. Gives a row only when the key is ours now.
 * Relies on idempotency_keys_pkey.
 */
export const claimIdempotencyKeySql = `
insert into idempotency_keys (organization_id, environment_id, key_hash, request_hash, expires_at)
values ($1, $2, $3, $4, now() + make_interval(hours => $5))
on conflict (organization_id, environment_id, key_hash) do update
set request_hash = excluded.request_hash, expires_at = excluded.expires_at, response_status = null, response_body = null
where idempotency_keys.expires_at <= now()
returning 1`

/** Keeps the answer beside the key. Relies on idempotency_keys_pkey. */
export const finishIdempotencyKeySql = `
update idempotency_keys set response_status = $4, response_body = $5
where organization_id = $1 and environment_id = $2 and key_hash = $3`

/** Reads what a key was used for. Relies on idempotency_keys_pkey. */
export const readIdempotencyKeySql = `
select request_hash, response_status, response_body from idempotency_keys
where organization_id = $1 and environment_id = $2 and key_hash = $3`
