import type { Route } from '../route.js'

/** Every endpoint, the most used first: Express, the OpenAPI document and the tenancy test are made from this list. */
export const routes: readonly Route[] = []
