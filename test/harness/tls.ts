/**
 * A certificate for localhost and 127.0.0.1. Invariant: it is made anew by openssl for each
 * directory and valid for one day.
 */
import { join } from "node:path";
import { output } from "./processes.ts";

export interface Certificate {
  /** PEM file, also what clients trust. */
  readonly certificate: string;
  readonly key: string;
}

export async function createCertificate(directory: string): Promise<Certificate> {
  const certificate = join(directory, "certificate.pem");
  const key = join(directory, "key.pem");
  await output([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"],
    ...["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
  ]);
  return { certificate, key };
}
