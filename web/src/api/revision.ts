/**
 * Which revision of the protocol this page was written for. The server says in `welcome` which one it still serves; a
 * page that is older has to be loaded again. Raised together with `CLIENT_MIN` of the server, when a change cannot be
 * understood by pages that are open.
 */
export const REVISION = 1

export function isOutdated(clientMin: number | undefined): boolean {
  return clientMin !== undefined && clientMin > REVISION
}
