import { describe, expect, it } from '@jest/globals'
import { type EgressAllow, parseEgressAllow } from './egress-allow.js'
import { createHostLookup } from './host-lookup.js'
import { checkNewTarget, resolveAndCheck } from './resolve-and-check.js'

const allowOf = (text: string): EgressAllow => {
  const parsed = parseEgressAllow(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.allow
}

const answering =
  (...addresses: string[]) =>
  (): Promise<string[]> =>
    Promise.resolve(addresses)

const HOST = { hostname: 'hooks.example', port: 443 }

describe('resolveAndCheck', () => {
  it('allows a host whose every address is public', async () => {
    const deps = { allow: allowOf(''), lookup: answering('8.8.8.8', '2606:4700::1') }
    expect(await resolveAndCheck(HOST, deps)).toEqual({ kind: 'allowed', addresses: ['8.8.8.8', '2606:4700::1'] })
  })

  it.each([
    [['10.0.0.1']],
    [['8.8.8.8', '10.0.0.1']],
    [['10.0.0.1', '8.8.8.8']],
    [['8.8.8.8', '::1']],
    [['8.8.8.8', '::ffff:10.0.0.1']],
    [['8.8.8.8', 'fe80::1%eth0']],
    [['8.8.8.8', 'not an address']],
    [Array.from({ length: 65 }, () => '8.8.8.8')],
  ])('refuses a host that answers %j', async (addresses) => {
    const verdict = await resolveAndCheck(HOST, { allow: allowOf(''), lookup: answering(...addresses) })
    expect(verdict.kind).toBe('refused')
  })

  it('looks no literal up', async () => {
    const lookup = (): Promise<string[]> => Promise.reject(new Error('asked for a literal'))
    expect(await resolveAndCheck({ hostname: '::1', port: 80 }, { allow: allowOf(''), lookup })).toMatchObject({
      kind: 'refused',
    })
    expect(await resolveAndCheck({ hostname: '::1', port: 80 }, { allow: allowOf('::1'), lookup })).toMatchObject({
      kind: 'allowed',
    })
  })

  it.each([
    ['no answer', (): Promise<string[]> => Promise.reject(new Error('ENOTFOUND'))],
    ['an empty answer', answering()],
  ])('tells %s from a refusal', async (_name, lookup) => {
    expect(await resolveAndCheck(HOST, { allow: allowOf(''), lookup })).toMatchObject({ kind: 'unresolved' })
  })

  it('tells nothing of the addresses in its reason', async () => {
    const verdict = await resolveAndCheck(HOST, { allow: allowOf(''), lookup: answering('10.11.12.13') })
    expect(verdict).toEqual({ kind: 'refused', reason: 'the address is not public (private)' })
  })
})

describe('checkNewTarget', () => {
  it('refuses at creation what the DNS puts into a private network', async () => {
    const deps = { allow: allowOf(''), lookup: answering('10.0.0.1') }
    expect(await checkNewTarget('https://hooks.example/', deps)).toMatchObject({ ok: false, code: 'address_refused' })
  })

  it('takes a host that the DNS does not know yet', async () => {
    const deps = { allow: allowOf(''), lookup: (): Promise<string[]> => Promise.reject(new Error('ENOTFOUND')) }
    expect(await checkNewTarget('https://hooks.example/', deps)).toMatchObject({ ok: true })
  })

  it('does not wait for a DNS that never answers', async () => {
    const deps = { allow: allowOf(''), lookup: (): Promise<string[]> => new Promise(() => {}) }
    expect(await checkNewTarget('https://hooks.example/', deps)).toMatchObject({ ok: true })
  })

  it('asks the DNS nothing for a URL that is refused already', async () => {
    let asked = 0
    const lookup = (): Promise<string[]> => {
      asked += 1
      return Promise.resolve(['8.8.8.8'])
    }
    await checkNewTarget('https://hooks.example:25/', { allow: allowOf(''), lookup })
    await checkNewTarget('https://localhost/', { allow: allowOf(''), lookup })
    expect(asked).toBe(0)
  })

  it('opens localhost when both of its addresses are open', async () => {
    for (const [text, ok] of [
      ['127.0.0.0/8,::1', true],
      ['127.0.0.0/8', false],
      ['localhost', true],
    ] as const) {
      const allow = allowOf(text)
      const deps = { allow, lookup: createHostLookup({ allow }) }
      expect([text, (await checkNewTarget('http://localhost:4567/', deps)).ok]).toEqual([text, ok])
    }
  })
})
