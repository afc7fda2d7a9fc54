import type { DetailedError, Upload, UploadOptions } from 'tus-js-client'
import { ApiError, apiUrl, refresh, type ErrorBody, type Uuid } from '@/api'
import type { Attachment } from '@/features/content'

export interface Progress {
  /** The upload has an address; handing it back later resumes it. */
  onUrl: (url: string) => void
  /** From 0 to 1. */
  onProgress: (share: number) => void
}

export interface Running {
  /** The file's id once every byte is there. */
  done: Promise<Uuid>
  /** Stops and throws away what has been uploaded. */
  cancel: () => void
}

/** Waits between tries while the network is away; after the last one the outbox decides. */
const RETRY_DELAYS_MS = [500, 1000, 3000, 5000]

/** Uploads over tus, resuming where an earlier try ended; the library comes with the first upload. */
export function upload(attachment: Attachment, progress: Progress): Running {
  const cancelled = new AbortController()
  return { done: run(attachment, progress, cancelled.signal), cancel: () => cancelled.abort() }
}

async function run(attachment: Attachment, { onUrl, onProgress }: Progress, cancelled: AbortSignal): Promise<Uuid> {
  const tus = await import('tus-js-client').catch(() => Promise.reject(ApiError.offline()))
  return new Promise((resolve, reject) => {
    const running: Upload = new tus.Upload(attachment.file, {
      ...optionsOf(attachment),
      onUploadUrlAvailable: () => running.url && onUrl(running.url),
      onProgress: (sent, total) => onProgress(total ? sent / total : 1),
      onSuccess: () => resolve(new URL(running.url!, location.href).pathname.split('/').at(-1)!),
      onError: error => reject(refusalOf(error)),
    })
    const stop = () => {
      running.abort(true).catch(() => {})
      reject(new ApiError({ code: 'cancelled' }))
    }
    if (cancelled.aborted) return stop()
    cancelled.addEventListener('abort', stop)
    running.start()
  })
}

function optionsOf({ uploadUrl, name, mime }: Attachment): UploadOptions {
  let expired = false
  return {
    endpoint: apiUrl('/uploads'),
    uploadUrl,
    metadata: { filename: name, filetype: mime },
    storeFingerprintForResuming: false,
    retryDelays: RETRY_DELAYS_MS,
    onAfterResponse: (_request, response) => {
      expired = response.getStatus() === 401
    },
    onBeforeRequest: async () => {
      if (expired) await refresh().catch(() => {})
    },
    onShouldRetry: (error, attempt) => shouldRetry(error.originalResponse?.getStatus(), attempt),
  }
}

function shouldRetry(status: number | undefined, attempt: number): boolean {
  if (status === 401) return attempt < 2
  return status === undefined || [0, 408, 409, 423, 429].includes(status) || status >= 500
}

/** The server's refusal when there was one; silence is `offline`. */
function refusalOf(error: Error | DetailedError): ApiError {
  const response = 'originalResponse' in error ? error.originalResponse : undefined
  if (!response || response.getStatus() === 0) return ApiError.offline()
  try {
    return new ApiError(JSON.parse(response.getBody()) as ErrorBody, response.getStatus())
  } catch {
    return new ApiError({ code: 'unavailable', retryable: response.getStatus() >= 500 }, response.getStatus())
  }
}
