/**
 * What the two kinds of store do differently. `aws` is as strict as Amazon S3; `compat` does what S3-compatible stores
 * of the older sort were seen to do (Ceph RGW 16), so that nobody relies on the strict behaviour by accident.
 */
export const PROFILES = {
  aws: {
    /** Verifies, stores and returns x-amz-checksum-*; otherwise they are ignored without a word. */
    checksums: true,
    /** Decodes aws-chunked bodies with a trailer; otherwise answers 411. */
    chunkedBodies: true,
    /** Refuses x-amz-* headers the signature does not cover; otherwise obeys them, x-amz-copy-source included. */
    signedHeadersOnly: true,
    /** Part numbers up to 10,000, listed in ascending order at completion. */
    partOrder: true,
    /** Obeys If-None-Match and If-Match on CompleteMultipartUpload. */
    conditionalCompletion: true,
    /** Writes ETags as the API reference has them: in quotes, and never empty. */
    properEtags: true,
  },
  compat: {
    checksums: false,
    chunkedBodies: false,
    signedHeadersOnly: false,
    partOrder: false,
    conditionalCompletion: false,
    properEtags: false,
  },
} as const

export type ProfileName = keyof typeof PROFILES
export type Profile = (typeof PROFILES)[ProfileName]
