import type { Json } from './json.js'

/** Characters of an external account's identifier. */
export const ACCOUNT_IDENTIFIER_LENGTH_MAX = 255

/** Bytes of an external account's metadata, as JSON. */
export const ACCOUNT_METADATA_BYTES_MAX = 64 * 1024

/** One of the tenant's own users or customers, by the tenant's identifier, unique in its environment. */
export interface ExternalAccount {
  id: string
  identifier: string
  metadata: { [key: string]: Json }
  createdAt: Date
  updatedAt: Date
}
