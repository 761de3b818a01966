import type { DispatchableType } from './dispatchable-type.js'
import { ephemeral } from './ephemeral.js'
import { webhook } from './webhook.js'

/** Every kind of thing that a dispatcher can invoke, by its name in the API. */
export const dispatchableTypes: ReadonlyMap<string, DispatchableType> = new Map(
  [webhook, ephemeral].map((one) => [one.type, one]),
)
