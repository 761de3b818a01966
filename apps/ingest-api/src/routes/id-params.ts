import { isUuid } from '@signalbox/domain'
import { z } from 'zod'

/** An id that nothing ever has. */
const NIL_ID = '00000000-0000-0000-0000-000000000000'

/** Path of one resource that has an id of ours. A text that is no id names nothing, so it is not found, like any other. */
export const idParamsSchema = z.object({
  id: z.string().transform((text) => (isUuid(text) ? text.toLowerCase() : NIL_ID)),
})
