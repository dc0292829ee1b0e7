/** What the control plane says of an account (docs/api.md). Sizes are bytes. */
export type QuotaAnswer = {
  tier: string
  storage: { usedBytes: number; reservedBytes: number; quotaBytes: number; percent: number }
  bandwidth: { usedBytes: number; quotaBytes: number; percent: number }
}
