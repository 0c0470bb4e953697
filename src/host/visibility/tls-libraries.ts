/**
 * TLS libraries by the file names under which they are mapped. Invariant: `visible` says what
 * libolly hooks; a contract test compares it with the library's export list.
 */

export interface TlsLibrary {
  readonly name: string;
  readonly file: RegExp;
  /** A function that libolly exports when it hooks the library. */
  readonly hook: string;
  readonly visible: boolean;
}

export const tlsLibraries: readonly TlsLibrary[] = [
  { name: "OpenSSL", file: /^libssl[-.]/, hook: "SSL_read", visible: true },
  { name: "GnuTLS", file: /^libgnutls[-.]/, hook: "gnutls_record_recv", visible: true },
  { name: "NSS", file: /^libssl3[-.]/, hook: "PR_Read", visible: true },
  { name: "mbed TLS", file: /^libmbedtls[-.]/, hook: "mbedtls_ssl_read", visible: false },
  { name: "wolfSSL", file: /^libwolfssl[-.]/, hook: "wolfSSL_read", visible: false },
  { name: "s2n", file: /^libs2n[-.]/, hook: "s2n_recv", visible: false },
];
