const NAME = 'jetty.apiKey'

/** The API key of this tab, kept until it is closed: never in an address, a cookie or on disk for the next visit. */
export const key = {
  read: (): string | null => sessionStorage.getItem(NAME),
  keep: (apiKey: string): void => sessionStorage.setItem(NAME, apiKey),
  forget: (): void => sessionStorage.removeItem(NAME),
}
