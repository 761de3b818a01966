import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readCursor, writeCursor } from './page.js'

const SEED = 20_261_120

test(`a cursor reads back what it was written from (seed ${SEED})`, () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(text, (position) => readCursor(writeCursor(position)) === position),
    { seed: SEED },
  )
})

test(`no other text is a cursor (seed ${SEED})`, () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String().map((text) => `c1.${text}`),
      ),
      (text) => {
        const position = readCursor(text)
        return position === undefined || writeCursor(position) === text
      },
    ),
    { seed: SEED },
  )
  expect(readCursor('')).toBeUndefined()
})
