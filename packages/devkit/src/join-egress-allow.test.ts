import { expect, test } from '@jest/globals'
import { joinEgressAllow } from './join-egress-allow.js'

const OWN = '127.0.0.0/8,::1,localhost'

test.each([[undefined], [''], [' , ']])('where EGRESS_ALLOW is %j, loopback addresses are open', (given) => {
  expect(joinEgressAllow(given)).toBe(OWN)
})

test('what EGRESS_ALLOW names is opened beside them, each once', () => {
  expect(joinEgressAllow('10.0.0.0/8, 127.0.0.0/8,hooks.internal:8080,10.0.0.0/8')).toBe(
    `${OWN},10.0.0.0/8,hooks.internal:8080`,
  )
})

test.each([['10.0.0.0/33'], ['10.0.0.0/8,http://10.0.0.1'], ['*.example.com']])('%j is refused by name', (given) => {
  expect(() => joinEgressAllow(given)).toThrow(`EGRESS_ALLOW: "${given.split(',').at(-1)}" is not`)
})
