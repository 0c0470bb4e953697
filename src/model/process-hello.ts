/** What a process says of itself when it begins to be hooked, or what /proc says in its place. */
export interface ProcessHello {
  /** Path of the executable; empty when nobody could tell. */
  readonly executable: string;
  /** The first arguments, the program's own name included; long ones are cut. */
  readonly args: readonly string[];
  /** The environment variables that matter: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES. */
  readonly environment: ReadonlyMap<string, string>;
  /** Of a sender without a ring: by it the control page can name the sender. */
  readonly token?: bigint;
}
