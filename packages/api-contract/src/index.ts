export * from './fields.js'
export * from './page.js'
export * from './problem.js'
export * from './to-problem-errors.js'
