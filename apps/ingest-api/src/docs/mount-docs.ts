import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Express, Response } from 'express'
import { routes } from '../routes/index.js'
import { createOpenApi } from './create-openapi.js'

/** Nothing but what we serve ourselves; Swagger UI sets styles and draws with data URLs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const FILES = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' } as const

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Signalbox API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/page.js"></script>
  </body>
</html>
`

const SCRIPT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null })
`

/** The pages of the documentation, as they lie beside the code: `/docs/filters.md` is what filters in the document link to. */
const PAGES = fileURLToPath(new URL('../../../../docs/', import.meta.url))

/** Adds the OpenAPI document, a page to read it, and the pages that explain it, all from this process. */
export function mountDocs(app: Express): void {
  const folder = createRequire(import.meta.url)
    .resolve('swagger-ui-dist/package.json')
    .replace(/package\.json$/, '')
  app.get('/', (_request, response) => response.redirect(302, '/docs'))
  let openApi: string | undefined
  app.get('/openapi.json', (_request, response) => {
    openApi ??= JSON.stringify(createOpenApi(routes))
    response.setHeader('access-control-allow-origin', '*')
    send(response, 'application/json', openApi)
  })
  app.get('/docs', (_request, response) => send(response, 'text/html', PAGE))
  app.get('/docs/page.js', (_request, response) => send(response, 'text/javascript', SCRIPT))
  for (const [name, type] of Object.entries(FILES)) mountFile(app, { name, folder, type })
  const pages = existsSync(PAGES) ? readdirSync(PAGES).filter((name) => name.endsWith('.md')) : []
  // As plain text: browsers save other types instead of showing them.
  for (const name of pages) mountFile(app, { name, folder: PAGES, type: 'text/plain' })
}

function mountFile(app: Express, { name, folder, type }: { name: string; folder: string; type: string }): void {
  let text: string | undefined
  app.get(`/docs/${name}`, (_request, response) => {
    text ??= readFileSync(join(folder, name), 'utf8')
    send(response, type, text)
  })
}

function send(response: Response, type: string, text: string): void {
  response
    .writeHead(200, {
      'content-type': `${type}; charset=utf-8`,
      'content-length': Buffer.byteLength(text),
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
    .end(text)
}
