/**
 * Certificates and keys that a listener names, read from their files and tried before anything is started with them: what
 * could not be served is told with the name of its file. Whether a certificate is valid for anybody is not asked.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** In PEM. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
}

/** Throws a `TypeError`. */
export async function readServerCertificate(files: { readonly key: string; readonly certificate: string }): Promise<ServerCertificate> {
  const key = await readPem(files.key)
  const cert = await readPem(files.certificate)
  const privateKey = parsePrivateKey(key, files.key)
  if (!parseCertificate(cert, files.certificate).checkPrivateKey(privateKey))
    throw new TypeError(`${files.certificate} is not the certificate of ${files.key}: if they are being renewed, try again`)
  try {
    createSecureContext({ key, cert })
  } catch (error) {
    throw new TypeError(`${files.certificate} cannot be served: ${messageOf(error)}`)
  }
  return { key, cert }
}

/** Throws a `TypeError`. */
export async function readAuthority(file: string): Promise<string> {
  const pem = await readPem(file)
  parseCertificate(pem, file)
  return pem
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new TypeError(`${file} cannot be read: ${messageOf(error)}`)
  }
}

/** The first one of a chain. */
function parseCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new TypeError(`${file} holds no certificate (PEM): ${messageOf(error)}`)
  }
}

function parsePrivateKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new TypeError(`${file} holds no private key (PEM, without a passphrase): ${messageOf(error)}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
