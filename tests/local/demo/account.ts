/** A new account of the largest tier, made by the product's code; the environment of the stack is this process' own. */
export async function newAccount(userId: string): Promise<string> {
  await import('../preload.ts')
  const { createAccount } = await import('../../../lib/accounts/provision.ts')
  const email = `${userId}@example.test`
  const { apiKey } = await createAccount({ userId, email, tier: 'enterprise' })
  return apiKey
}
