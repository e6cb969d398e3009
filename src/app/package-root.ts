/** Finds the files that are shipped beside the program: config, zones, provider data. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Both `src/app` and `dist/app` lie two folders below the package. */
export function packagePath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url))
}

export function readPackageFile(relative: string): string {
  return readFileSync(packagePath(relative), 'utf8')
}

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readPackageFile('package.json'))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version
  throw new TypeError('package.json holds no version')
}
