import type { Route } from '../route.js'

/** The part of a histogram that is needed here. */
interface LabelledHistogram {
  labels(labels: { method: string; route: string; status: string }): { observe(seconds: number): void }
}

/** Notes how long each answer took. The labelled parts are kept: making them for each request costs more than it notes. */
export function createRouteTimer(
  histogram: LabelledHistogram,
): (route: Route, status: number, seconds: number) => void {
  const known = new Map<Route, Map<number, { observe(seconds: number): void }>>()
  return (route, status, seconds) => {
    let byStatus = known.get(route)
    if (byStatus === undefined) {
      byStatus = new Map()
      known.set(route, byStatus)
    }
    let part = byStatus.get(status)
    if (part === undefined) {
      part = histogram.labels({ method: route.method, route: route.path, status: String(status) })
      byStatus.set(status, part)
    }
    part.observe(seconds)
  }
}
