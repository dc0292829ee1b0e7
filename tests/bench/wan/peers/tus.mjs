import { createReadStream } from 'node:fs'
import { Upload } from 'tus-js-client'

/** tus-js-client: one stream; @tus/server answers parallel uploads with 501. */
export function prepare({ file, tusUrl }) {
  const body = createReadStream(file)
  return () =>
    new Promise((resolve, reject) => {
      const retryDelays = [0, 500, 1000]
      new Upload(body, {
        endpoint: tusUrl,
        retryDelays,
        onError: reject,
        onSuccess: resolve,
      }).start()
    })
}
