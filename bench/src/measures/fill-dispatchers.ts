import type { BenchStack } from '../stack/run-with-stack.js'

const ROWS_OF_STATEMENT = 100_000

/**
 * Gives the stack's environment very many dispatchers: most wait for one order (as "tell me when this order is paid"
 * does), the others have filters of several kinds. Gives the order that one of them waits for.
 */
export async function fillDispatchers({ pool, scope }: BenchStack, count: number): Promise<string> {
  for (let start = 0; start < count; start += ROWS_OF_STATEMENT) {
    const values = [scope.organizationId, scope.environmentId, start, Math.min(count, start + ROWS_OF_STATEMENT) - 1]
    await pool.query(fillSql, values)
  }
  await pool.query(
    `insert into dispatcher_sets (organization_id, environment_id, live_count) values ($1, $2, $3)
     on conflict (organization_id, environment_id) do update set version = dispatcher_sets.version + 1, live_count = $3`,
    [scope.organizationId, scope.environmentId, count],
  )
  await pool.query('vacuum analyze event_dispatchers')
  return `ord_${count - 5}`
}

/** Seven of ten wait for one order; the rest for orders of a customer, of a kind and size, or from a place. */
const fillSql = `
insert into event_dispatchers (organization_id, id, environment_id, event_names, source, payload_filter,
  dispatchable_type, dispatchable_id, dispatchable, is_counted)
select $1, gen_random_uuid(), $2, array[case when n % 10 < 8 then 'order.paid' else 'order.' || n % 1000 end],
  'trigger.dev',
  case
    when n % 10 < 7 then jsonb_build_object('order', jsonb_build_object('id', jsonb_build_array('ord_' || n)))
    when n % 10 = 7 then jsonb_build_object('customer', jsonb_build_object('id', jsonb_build_array('cus_' || n % 300000)),
      'order', jsonb_build_object('total', jsonb_build_array(jsonb_build_object('$gte', n % 5000))))
    when n % 10 = 8 then jsonb_build_object('kind', jsonb_build_array('k' || n % 50, 'k' || n % 77),
      'order', jsonb_build_object('sku', jsonb_build_array(jsonb_build_object('$startsWith', 'sku-' || n))))
    else jsonb_build_object('customer', jsonb_build_object('country', jsonb_build_array('AT', 'DE'),
      'city', jsonb_build_array('city ' || n)), 'order', jsonb_build_object('total', jsonb_build_array(
        jsonb_build_object('$between', jsonb_build_array(n % 100, n % 100 + 50)))))
  end,
  'WEBHOOK', 'dispatcher ' || n, jsonb_build_object('type', 'WEBHOOK', 'id', gen_random_uuid()), true
from generate_series($3::int, $4::int) n`
