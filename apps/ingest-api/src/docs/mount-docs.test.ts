import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { mountDocs } from './mount-docs.js'

const app = express()
mountDocs(app)

test('the document leads to the page on filters, and the pages are there to be read', async () => {
  const document = (await request(app).get('/openapi.json')).text
  const links = [...document.matchAll(/"url":"(\/docs\/[^"]+)"/g)].map(([, link = '']) => link)
  expect(new Set(links)).toEqual(new Set(['/docs/filters.md']))
  for (const link of ['/docs/filters.md', '/docs/eventbridge.md']) {
    const { status, headers, text } = await request(app).get(link)
    expect([status, headers['content-type'], text.slice(0, 2)]).toEqual([200, 'text/plain; charset=utf-8', '# '])
    expect(headers['x-content-type-options']).toBe('nosniff')
  }
})

test('the document leads to every page', async () => {
  const { description } = (await request(app).get('/openapi.json')).body.info as { description: string }
  const links = [...description.matchAll(/\]\(\/docs\/([^)]+)\)/g)].map(([, name = '']) => name)
  const pages = readdirSync(join(__dirname, '../../../../docs')).filter((name) => name.endsWith('.md'))
  expect(links.toSorted()).toEqual(pages.toSorted())
  for (const name of links) expect((await request(app).get(`/docs/${name}`)).status).toBe(200)
})

test('nothing else of the folder is', async () => {
  for (const path of [
    'decisions',
    'architecture',
    '../package.json',
    '%2e%2e/package.json',
    'decisions/..%2ffilters.md',
  ]) {
    expect((await request(app).get(`/docs/${path}`)).status).toBe(404)
  }
})
