/** Rules that a mask can hold. */
export const MASK_RULES_MAX = 64

const WORD_BITS = 32

/** Some of up to 64 rules: a bit for each, in two words. */
export class RuleMask {
  low = 0
  high = 0

  add(rule: number): void {
    if (rule < WORD_BITS) this.low |= 1 << rule
    else this.high |= 1 << (rule - WORD_BITS)
  }

  addAll({ low, high }: RuleMask): void {
    this.low |= low
    this.high |= high
  }

  removeAll({ low, high }: RuleMask): void {
    this.low &= ~low
    this.high &= ~high
  }

  hasAny({ low, high }: RuleMask): boolean {
    return ((this.low & low) | (this.high & high)) !== 0
  }

  copy(): RuleMask {
    const copy = new RuleMask()
    copy.addAll(this)
    return copy
  }
}
