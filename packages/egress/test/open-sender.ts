import {
  type AttemptResult,
  createSender,
  parseEgressAllow,
  type Sender,
  type SenderOptions,
  type WebhookRequest,
} from '../src/index.js'

/** A sender as an operator would set it up for receivers on this machine. */
export function openSender(options: Partial<SenderOptions> & { egressAllow?: string } = {}): Sender {
  const { egressAllow = '127.0.0.1', ...rest } = options
  const parsed = parseEgressAllow(egressAllow)
  if (!parsed.ok) throw new Error(parsed.message)
  return createSender({ allow: parsed.allow, ...rest })
}

export function requestTo(url: string, parts: Partial<WebhookRequest> = {}): WebhookRequest {
  return {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
    timeoutMs: 5_000,
    ...parts,
  }
}

type Of<Kind extends AttemptResult['kind']> = Extract<AttemptResult, { kind: Kind }>

export function asResponse(result: AttemptResult): Of<'response'> {
  if (result.kind !== 'response') throw new Error(`no response but ${JSON.stringify(result)}`)
  return result
}

export function asFailed(result: AttemptResult): Of<'failed'> {
  if (result.kind !== 'failed') throw new Error(`not failed but ${JSON.stringify(result).slice(0, 500)}`)
  return result
}
