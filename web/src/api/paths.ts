import type { FetchOptions } from 'openapi-fetch'
import type {
  HttpMethod,
  PathsWithMethod,
  RequiredKeysOf,
  ResponseObjectMap,
  SuccessResponse,
} from 'openapi-typescript-helpers'
import type { paths } from './schema'
import type { Told } from './types'

/** The REST interface as the server's document tells it: which paths there are, what each takes and answers. */

export const BASE = '/api/v1'

/** By the path after `BASE`. */
export type Api = { [P in keyof paths as P extends `${typeof BASE}${infer Rest}` ? Rest : never]: Told<paths[P]> }

type Operation<P extends keyof Api, M extends HttpMethod> = Api[P][M & keyof Api[P]]

type Responses<O> = ResponseObjectMap<O> extends infer R extends Record<string | number, unknown> ? R : never
type Content<O> = SuccessResponse<Responses<O>, `${string}/json`>

/** What a call resolves to; an answer without a body is `void`. */
export type Answer<P extends keyof Api, M extends HttpMethod> = [Content<Operation<P, M>>] extends [undefined]
  ? void
  : Content<Operation<P, M>>

/** Not inferred from what is passed, so that a field that the server does not know is an error. */
type Init<O> = RequiredKeysOf<FetchOptions<O>> extends never ? [init?: FetchOptions<O>] : [init: FetchOptions<O>]

/** `api.get`, `api.post`, ..: a path of the document, its parameters by their names, its body. */
export type Call<M extends HttpMethod> = <P extends PathsWithMethod<Api, M>>(
  path: P,
  ...init: Init<Operation<P, M>>
) => Promise<Answer<P, M>>

/** The names that stand in braces in a path. */
type Names<P> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never

export type PathParams<P> = [Names<P>] extends [never] ? [] : [params: Record<Names<P>, string | number>]
