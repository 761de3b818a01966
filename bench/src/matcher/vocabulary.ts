import { mix } from './random.js'

/** How many different values each field of the orders has: in proportion to the filters, so that each meets its few events. */
export interface Vocabulary {
  readonly customers: number
  readonly orders: number
  readonly skus: number
  readonly tags: number
  readonly companies: number
  readonly postcodes: number
  readonly purchases: number
  readonly networks: number
  readonly totals: number
  readonly days: number
  readonly accounts: number
  readonly tenants: number
}

/** Values of each field per filter: chosen so that an event matches 4.5 dispatchers or so, about evenly over the kinds. */
const PER_FILTER: Readonly<Record<keyof Vocabulary, number>> = {
  customers: 0.03,
  orders: 0.06,
  skus: 0.035,
  tags: 0.035,
  companies: 0.02,
  postcodes: 0.02,
  purchases: 0.03,
  networks: 0.015,
  totals: 0.015,
  days: 0.01,
  accounts: 0.015,
  tenants: 0.02,
}

const VALUES_MIN = 1

/** The vocabulary for so many filters that few events meet. */
export function createVocabulary(filters: number): Vocabulary {
  const entries = Object.entries(PER_FILTER).map(([field, share]) => [
    field,
    Math.max(VALUES_MIN, Math.floor(share * filters)),
  ])
  return Object.fromEntries(entries) as Vocabulary
}

/** Who ordered. All of it follows from the number, so that conditions on one customer hold together. */
export interface Customer {
  readonly id: string
  readonly email: string
  readonly country: string
  readonly region: string
  readonly tier: string
}

const COUNTRIES = ['AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'NL', 'PL', 'SE'] as const
export const TIERS = ['free', 'basic', 'plus', 'business', 'enterprise'] as const
export const CATEGORIES = ['books', 'garden', 'kitchen', 'music', 'office', 'sports', 'toys', 'travel'] as const
const REGIONS_PER_COUNTRY = 6

/** What keeps the fields of one number apart. */
const SALT = {
  customer: 11,
  order: 12,
  tenant: 13,
  category: 14,
  price: 15,
  country: 16,
  region: 17,
  tier: 18,
} as const

export function readCustomer(number: number, { companies }: Pick<Vocabulary, 'companies'>): Customer {
  const country = itemFor(COUNTRIES, mix(SALT.country, number))
  return {
    id: `cus_${codeFor(SALT.customer, number)}`,
    email: `person.${number}@${readCompany(number % companies)}`,
    country,
    region: `${country}-${(mix(SALT.region, number) % REGIONS_PER_COUNTRY) + 1}`,
    tier: itemFor(TIERS, mix(SALT.tier, number)),
  }
}

/** The domain of a company's addresses. */
export function readCompany(number: number): string {
  return `company-${number}.example`
}

export function readOrderId(number: number): string {
  return `ord_${codeFor(SALT.order, number)}`
}

export function readTenantId(number: number): string {
  return `ten_${codeFor(SALT.tenant, number)}`
}

/** Our id of an external account. */
export function readAccountId(number: number): string {
  return `0191f3a0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

export function readSku(number: number): { readonly sku: string; readonly category: string; readonly price: number } {
  return {
    sku: `SKU-${String(number).padStart(6, '0')}`,
    category: itemFor(CATEGORIES, mix(SALT.category, number)),
    price: 100 + (mix(SALT.price, number) % 20_000),
  }
}

export function readTag(number: number): string {
  return `campaign-${number}`
}

export function readPostcode(number: number): string {
  return String(10_000 + number)
}

/** What all order lines of one purchase of a big customer begin with. */
export function readPurchase(number: number): string {
  return `PO-${String(number).padStart(6, '0')}-`
}

/** The first three bytes of an address. */
export function readNetwork(number: number): string {
  return `10.${(number >>> 8) & 0xff}.${number & 0xff}`
}

/** The part of all totals that has a number: totals lie from 0 to {@link TOTAL_MAX}, in cents. */
export function readTotals(number: number, { totals }: Pick<Vocabulary, 'totals'>): [low: number, high: number] {
  return [Math.floor((number * TOTAL_MAX) / totals), Math.floor(((number + 1) * TOTAL_MAX) / totals) - 1]
}

export const TOTAL_MAX = 100_000_000

/** The first moment of a part of the time in which orders are created. */
export function readMoment(number: number, { days }: Pick<Vocabulary, 'days'>): number {
  return CREATED_FROM_MS + Math.floor((number * CREATED_SPAN_MS) / days)
}

const CREATED_FROM_MS = Date.UTC(2026, 0, 1)
const CREATED_SPAN_MS = 3_600_000 * 24 * 120

/** Twelve letters and digits, as ids have them; no two numbers give the same ones. */
function codeFor(salt: number, number: number): string {
  return mix(salt, number).toString(36).padStart(7, '0') + number.toString(36).padStart(5, '0')
}

function itemFor<Item>(items: readonly Item[], hash: number): Item {
  return items[hash % items.length] as Item
}
