export { type AddressRefusal, type AddressVerdict, classifyAddress } from './address-guard.js'
export type { AttemptResult, WebhookRequest } from './attempt.js'
export { checkCustomHeaders, type CustomHeadersVerdict, type HeaderProblem } from './check-custom-headers.js'
export { checkTargetUrl, TARGET_URL_CHARACTERS_MAX, type TargetUrlVerdict } from './check-target-url.js'
export type { FailureCode } from './classify-failure.js'
export { type EgressAllow, type EgressAllowParsed, parseEgressAllow } from './egress-allow.js'
export { createHostLookup, type HostLookup } from './host-lookup.js'
export type { KeptHeaders } from './keep-response.js'
export { parseRetryAfter } from './parse-retry-after.js'
export { checkNewTarget, type HostVerdict, resolveAndCheck } from './resolve-and-check.js'
export { createSender, type Sender, type SenderOptions } from './send-webhook.js'
export { createSigner, type SignableMessage, type SignatureHeaders, type Signer, signWebhook } from './signing.js'
export {
  createSigningKeyPair,
  createSigningSecret,
  parseSigningSecret,
  type SigningKey,
  type SigningKeyPair,
  type SigningSecretParsed,
} from './signing-secret.js'
