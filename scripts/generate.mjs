// Makes the Prisma client from prisma/schema.prisma, without downloading an engine.
import { generate } from './bootstrap.mjs'

await generate((line) => console.log(line))
