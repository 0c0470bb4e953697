/** Opcodes and statuses of the binary protocol (memcached's doc/protocol-binary.txt, section 3). */

export interface Operation {
  /** As the protocol's description names it. */
  readonly name: string;
  /** Answered only when there is something to say: a value, or an error. */
  readonly quiet: boolean;
  /** The answer to one that gets a value repeats the key. */
  readonly repeatsKey: boolean;
  readonly getsValue: boolean;
  /** Its key is one of the store. */
  readonly hasKey: boolean;
  /** What requests may hold; see isShape. */
  readonly extras: readonly number[];
  readonly key: Presence;
  readonly value: Presence;
}

export type Presence = "none" | "some" | "any";

export const Opcode = { quit: 0x07, noop: 0x0a, stat: 0x10, quitQ: 0x17, touch: 0x1c } as const;

const operations = new Map<number, Operation>();

function add(names: string, codes: readonly number[], more: Partial<Operation> = {}): void {
  for (const [index, name] of names.split(" ").entries()) {
    const base = { name, quiet: index % 2 === 1, repeatsKey: false, getsValue: false };
    const shape = { hasKey: true, extras: [0], key: "some", value: "none" } as const;
    const code = codes[index];
    if (code !== undefined) operations.set(code, { ...base, ...shape, ...more });
  }
}

const bare: Partial<Operation> = { hasKey: false, key: "none" };
const secret: Partial<Operation> = { quiet: false, hasKey: false, value: "any" };

add("Get GetQ", [0x00, 0x09], { getsValue: true });
add("GetK GetKQ", [0x0c, 0x0d], { getsValue: true, repeatsKey: true });
add("GAT GATQ", [0x1d, 0x1e], { getsValue: true, extras: [4] });
add("GATK GATKQ", [0x23, 0x24], { getsValue: true, repeatsKey: true, extras: [4] });
add("Set SetQ", [0x01, 0x11], { extras: [8], value: "any" });
add("Add AddQ", [0x02, 0x12], { extras: [8], value: "any" });
add("Replace ReplaceQ", [0x03, 0x13], { extras: [8], value: "any" });
add("Append AppendQ", [0x0e, 0x19], { value: "any" });
add("Prepend PrependQ", [0x0f, 0x1a], { value: "any" });
add("Delete DeleteQ", [0x04, 0x14]);
add("Increment IncrementQ", [0x05, 0x15], { extras: [20] });
add("Decrement DecrementQ", [0x06, 0x16], { extras: [20] });
add("Touch", [Opcode.touch], { extras: [4] });
add("Quit QuitQ", [Opcode.quit, Opcode.quitQ], bare);
add("Flush FlushQ", [0x08, 0x18], { ...bare, extras: [0, 4] });
add("No-op", [Opcode.noop], bare);
add("Version", [0x0b], bare);
add("Verbosity", [0x1b], { ...bare, extras: [4] });
add("Stat", [Opcode.stat], { hasKey: false, key: "any" });
add("SASL-list-mechs", [0x20], bare);
add("SASL-Auth SASL-Step", [0x21, 0x22], secret);

/** undefined of those that other servers have added. */
export function operationOf(opcode: number): Operation | undefined {
  return operations.get(opcode);
}

export const Status = { none: 0x00, notFound: 0x01, exists: 0x02, notStored: 0x05 } as const;
const AUTH_CONTINUE = 0x21;

const answers: ReadonlySet<number> = new Set([...Object.values(Status), AUTH_CONTINUE]);
const statuses: ReadonlySet<number> = new Set([
  ...answers,
  ...[0x03, 0x04, 0x06, 0x07, 0x08, 0x09, 0x20],
  ...[0x81, 0x82, 0x83, 0x84, 0x85, 0x86],
]);

/** Whether the operation has failed; that there is no such key is an answer like others. */
export function isFailure(status: number): boolean {
  return !answers.has(status);
}

export function isStatus(status: number): boolean {
  return statuses.has(status);
}
