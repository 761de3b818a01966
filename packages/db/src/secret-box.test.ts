import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { createSecretBox, SecretBoxError, toRowIdentity } from './secret-box.js'

const OLD = randomBytes(32).toString('base64')
const NEW = randomBytes(32).toString('base64')
const ROW = toRowIdentity({ organizationId: 'org', table: 'webhook_endpoints', id: 'one' })

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof SecretBoxError) return error.code
    throw error
  }
  return 'nothing thrown'
}

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('sealing', () => {
  const box = createSecretBox(`old:${OLD}`)

  test('what was sealed for a row opens in that row', () => {
    for (const plain of ['', 'whsec_abc', 'ünïcödé 🚂', 'x'.repeat(100_000)]) {
      expect(box.open(box.seal(plain, ROW), ROW)).toBe(plain)
    }
  })

  test('the sealed text has the documented form and shows nothing of the secret', () => {
    const sealed = box.seal('whsec_abc', ROW)
    expect(sealed).toMatch(/^v1\.old\.[\w-]{16}\.[\w-]{22}\.[\w-]+$/)
    expect(sealed).not.toContain('whsec')
  })

  test('the same secret sealed twice gives two texts', () => {
    expect(box.seal('same', ROW)).not.toBe(box.seal('same', ROW))
  })

  test('a text copied to another tenant, table or row does not open', () => {
    const sealed = box.seal('secret', ROW)
    for (const other of ['other/webhook_endpoints/one', 'org/event_dispatchers/one', 'org/webhook_endpoints/two', '']) {
      expect(codeOf(() => box.open(sealed, other))).toBe('sealed_text_damaged')
    }
  })

  test('every single flipped bit is refused', () => {
    const sealed = box.seal('secret', ROW)
    for (let index = 0; index < sealed.length; index++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = String.fromCharCode(sealed.charCodeAt(index) ^ (1 << bit))
        const changed = sealed.slice(0, index) + flipped + sealed.slice(index + 1)
        expect(['sealed_text_damaged', 'master_key_unknown']).toContain(codeOf(() => box.open(changed, ROW)))
      }
    }
  })

  test('what is no sealed text is refused, and not with a crash', () => {
    const [version, keyId, iv, tag, text] = box.seal('secret', ROW).split('.')
    const cases = ['', '.', 'v1', 'v1....', 'v2.old.a.b.c', `${version}.${keyId}.${iv}.${tag}`]
    cases.push(`${version}.${keyId}.${iv}.${tag?.slice(0, 6)}.${text}`, `${version}.${keyId}.${iv}.${tag}.${text}.x`)
    cases.push(`${version}.${keyId}..${tag}.${text}`, `${version}.__proto__.${iv}.${tag}.${text}`)
    for (const sealed of cases) {
      expect(['sealed_text_damaged', 'master_key_unknown']).toContain(codeOf(() => box.open(sealed, ROW)))
    }
  })
})

describe('several master keys', () => {
  test('the first seals, all open', () => {
    const before = createSecretBox(`old:${OLD}`)
    const during = createSecretBox(`new:${NEW}, old:${OLD}`)
    const old = before.seal('secret', ROW)
    expect(during.open(old, ROW)).toBe('secret')
    const renewed = during.seal('secret', ROW)
    expect(renewed).toMatch(/^v1\.new\./)
    expect(createSecretBox(`new:${NEW}`).open(renewed, ROW)).toBe('secret')
  })

  test('a key that is no longer there is named', () => {
    const sealed = createSecretBox(`old:${OLD}`).seal('secret', ROW)
    const after = createSecretBox(`new:${NEW}`)
    expect(codeOf(() => after.open(sealed, ROW))).toBe('master_key_unknown')
    expect(messageOf(() => after.open(sealed, ROW))).toContain('"old"')
  })

  test('another key under the same id opens nothing', () => {
    const sealed = createSecretBox(`old:${OLD}`).seal('secret', ROW)
    expect(codeOf(() => createSecretBox(`old:${NEW}`).open(sealed, ROW))).toBe('sealed_text_damaged')
  })
})

describe('the setting', () => {
  test.each([
    ['empty', ''],
    ['only commas', ' , ,'],
    ['a key without an id', OLD],
    ['an empty id', `:${OLD}`],
    ['an id with a full stop', `a.b:${OLD}`],
    ['a key of 16 bytes', `a:${randomBytes(16).toString('base64')}`],
    ['a key of 33 bytes', `a:${randomBytes(33).toString('base64')}`],
    ['no base64', `a:${OLD.slice(0, 20)}!${OLD.slice(21)}`],
    ['an empty key', 'a:'],
    ['the same id twice', `a:${OLD},a:${NEW}`],
    ['too many keys', Array.from({ length: 17 }, (_, index) => `k${index}:${OLD}`).join(',')],
  ])('%s is refused, and the key is not printed', (_, setting) => {
    expect(codeOf(() => createSecretBox(setting))).toBe('master_keys_invalid')
    const message = messageOf(() => createSecretBox(setting))
    expect(message).toContain('SECRETS_MASTER_KEYS')
    expect(message).not.toContain(OLD.slice(0, 12))
    expect(message).not.toContain(NEW.slice(0, 12))
  })

  test('base64url, padding left out and spaces around entries are taken', () => {
    const key = randomBytes(32)
    const sealed = createSecretBox(`a:${key.toString('base64')}`).seal('secret', ROW)
    expect(createSecretBox(` a:${key.toString('base64url')} ,`).open(sealed, ROW)).toBe('secret')
  })
})
