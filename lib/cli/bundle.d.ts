export declare function bundleOf(entry: string, file: string): Promise<string | undefined>
