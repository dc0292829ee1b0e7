/** From which share in common on files count as alike. Below a half hardly any are found. */
export const SHARE_MIN = 0.5
export const DEFAULT_SHARE = 0.95
