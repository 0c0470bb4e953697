/** What a process asked its name service, and what it got. */
export interface Lookup {
  /** As the program asked for it. */
  readonly name: string;
  /** 0, or EAI_* of getaddrinfo(3). */
  readonly result: number;
  /** errno when the result is EAI_SYSTEM, else 0. */
  readonly error: number;
  /** That was asked for: AF_UNSPEC 0, AF_INET 2, AF_INET6 10. */
  readonly family: number;
  /** In text form (RFC 5952 for IPv6), each once; at most lookup.addressesMax of the layout. */
  readonly addresses: readonly string[];
  /** The answer had more of them. */
  readonly hasMore: boolean;
  readonly durationNs: number;
}
