import { z } from 'zod'

/** Events of one queue job, by organization: ids only. */
export const deliverJobSchema = z.object({ events: z.array(z.tuple([z.guid(), z.array(z.guid())])) })

/** Deliveries of one dispatcher, each with the attempts it has had: ids only. */
export const dispatchJobSchema = z.object({
  organizationId: z.guid(),
  dispatcherId: z.guid(),
  deliveries: z.array(z.tuple([z.guid(), z.int().nonnegative()])),
})

/** Data of a job of the queue `deliver`. */
export type DeliverJob = z.infer<typeof deliverJobSchema>

/** Data of a job of the queue `dispatch`. */
export type DispatchJob = z.infer<typeof dispatchJobSchema>
