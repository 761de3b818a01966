/** Makes the accounts that are missing and may be made. $1: JSON rows. Relies on external_accounts_identifier_key. */
export const createAccountsSql = `
insert into external_accounts (organization_id, environment_id, id, identifier)
select o, e, i, n from json_to_recordset($1::json) as r(o uuid, e uuid, i uuid, n text)
order by e, n
on conflict (organization_id, environment_id, identifier) do nothing`

/** Finds accounts by identifier. $1: JSON rows, numbered by k. Relies on external_accounts_identifier_key. */
export const findAccountsSql = `
select r.k, a.id
from json_to_recordset($1::json) as r(k int, o uuid, e uuid, n text)
join external_accounts a on a.organization_id = r.o and a.environment_id = r.e and a.identifier = r.n`
