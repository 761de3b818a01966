/** Rules that a set can hold. */
export const SET_RULES_MAX = 64

const WORD_BITS = 32

/** Some of up to 64 rules: a bit for each, in two words. */
export class RuleSet {
  low = 0
  high = 0

  add(rule: number): void {
    if (rule < WORD_BITS) this.low |= 1 << rule
    else this.high |= 1 << (rule - WORD_BITS)
  }

  addAll({ low, high }: RuleSet): void {
    this.low |= low
    this.high |= high
  }

  removeAll({ low, high }: RuleSet): void {
    this.low &= ~low
    this.high &= ~high
  }

  copy(): RuleSet {
    const copy = new RuleSet()
    copy.addAll(this)
    return copy
  }
}
