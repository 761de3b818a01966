/**
 * What a dispatcher invokes, with its endpoint when it has one. Relies on event_dispatchers_pkey, webhook_endpoints_pkey,
 * runtime_environments_pkey.
 */
export const loadTargetSql = `
select d.environment_id, d.enabled, d.manual, d.deleted_at, d.dispatchable_type, d.dispatchable, d.secret_sealed,
  e.limits, w.id as endpoint_id, w.url, w.method, w.timeout_ms, w.concurrency, w.retry_policy, w.secrets_sealed,
  w.headers_sealed, w.enabled as endpoint_enabled, w.deleted_at as endpoint_deleted_at
from event_dispatchers d
join runtime_environments e on e.organization_id = d.organization_id and e.id = d.environment_id
left join webhook_endpoints w on d.dispatchable_type = 'WEBHOOK' and w.organization_id = d.organization_id
  and w.environment_id = d.environment_id and w.id = (d.dispatchable ->> 'id')::uuid
where d.organization_id = $1 and d.id = $2`
