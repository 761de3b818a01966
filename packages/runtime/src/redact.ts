// At the end of a name: `webhookSecrets` and `x-auth-token` are as secret as `secret` and `token`.
const SECRET_FIELD =
  /(?:authorization|cookies?|passwords?|passphrase|secrets?|tokens?|(?:secret|signing|private|api|master)[-_]?keys?)$/i
const HEADERS_FIELD = /headers$/i
// One cheap test decides whether a string needs any of the replacements.
const SUSPICIOUS = /tr_|pk_|whsec_|whsk_|:\/\/|Bearer /
const API_KEY = /\b(tr|pk)_[A-Za-z0-9_-]{6,}/g
const WEBHOOK_SECRET = /\b(whsec|whsk)_[A-Za-z0-9+/=_-]+/g
const BEARER = /\bBearer [^\s"']+/g
// Up to the last @ of the word: a password may itself hold one.
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*):[^\s"']*@/gi

/** What stands in a log line in place of a secret. */
export const REDACTED = '[redacted]'

/** True when a field's name alone says that its value must not be logged. */
export function isSecretField(name: string): boolean {
  return SECRET_FIELD.test(name)
}

/** True when a field holds headers: tenants choose their names, so any of them may carry a secret. */
export function isHeadersField(name: string): boolean {
  return HEADERS_FIELD.test(name)
}

/** Takes API keys, webhook secrets, bearer tokens and passwords in URLs out of a text. */
export function redactText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text
  return text
    .replace(BEARER, `Bearer ${REDACTED}`)
    .replace(API_KEY, `$1_${REDACTED}`)
    .replace(WEBHOOK_SECRET, `$1_${REDACTED}`)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
}
