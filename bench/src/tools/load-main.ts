import { postForSeconds } from './post-for-seconds.js'
import { postPaced } from './post-paced.js'
import { postSeries } from './post-series.js'
import { postSeriesBare } from './post-series-bare.js'
import { serveCalls } from './serve-calls.js'

const methods = { postForSeconds, postSeries, postPaced, postSeriesBare }

/** The load generator. */
export type LoadMethods = typeof methods

serveCalls(methods)
