// Imported first: what is stored may be copied across accounts, for a proof. lib/env.ts reads this once.
process.env.DEDUP_SCOPE = 'global'
