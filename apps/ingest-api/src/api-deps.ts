/** What handlers may use; `compose.ts` makes it. Add a store with one line here and one there. */
export interface ApiDeps {}
