const SECRET_KEYS = /^(authorization|cookie|password|secret|secret_?key|signing_?secret|api_?key|token)$/i
// One cheap test decides whether a string needs any of the replacements.
const SUSPICIOUS = /tr_|pk_|whsec_|:\/\/|Bearer /
const API_KEY = /\b(tr|pk)_[A-Za-z0-9_-]{6,}/g
const WEBHOOK_SECRET = /\bwhsec_[A-Za-z0-9+/=_-]+/g
const BEARER = /\bBearer [^\s"']+/g
// Up to the last @ of the word: a password may itself hold one.
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*):[^\s"']*@/gi

/** What stands in a log line in place of a secret. */
export const REDACTED = '[redacted]'

/** True when a field's name alone says that its value must not be logged. */
export function isSecretField(name: string): boolean {
  return SECRET_KEYS.test(name)
}

/** Takes API keys, webhook secrets, bearer tokens and passwords in URLs out of a text. */
export function redactText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text
  return text
    .replace(BEARER, `Bearer ${REDACTED}`)
    .replace(API_KEY, `$1_${REDACTED}`)
    .replace(WEBHOOK_SECRET, `whsec_${REDACTED}`)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
}
