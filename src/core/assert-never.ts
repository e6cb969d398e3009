/** Makes a switch over a tagged union fail to compile when a member is missing. */

export function assertNever(value: never): never {
  throw new TypeError(`unexpected value: ${JSON.stringify(value)}`)
}
