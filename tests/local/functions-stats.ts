/** What the functions' process has used since it started. */
export type FunctionStats = {
  memory: { rss: number; heapUsed: number; external: number }
  /** Bytes over all sockets, those to services included. */
  network: { bytesRead: number; bytesWritten: number }
  /** Calls by "METHOD /path". */
  calls: Record<string, number>
}
