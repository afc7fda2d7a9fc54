import type { ErrorBody } from './types'

/** A refusal by the server, or the network's silence under the code `offline`. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly field?: string
  readonly retryable: boolean
  readonly retryAfterMs?: number

  constructor(body: Partial<ErrorBody> & { code: string }, status = 0) {
    super(body.message ?? body.code)
    this.name = 'ApiError'
    this.code = body.code
    this.status = status
    this.field = body.field
    this.retryable = body.retryable ?? false
    this.retryAfterMs = body.retry_after_ms
  }

  static offline(): ApiError {
    return new ApiError({ code: 'offline', retryable: true })
  }
}

/** Reads the error object of an answer; a proxy's HTML page becomes `unavailable`. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined
  const code = body?.code ?? (response.status >= 500 ? 'unavailable' : 'malformed')
  return new ApiError({ ...body, code, retryable: body?.retryable ?? response.status >= 500 }, response.status)
}
