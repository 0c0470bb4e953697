/**
 * /proc/PID/maps, cut down to the files. Invariant: each file is there once, however often it is
 * mapped, and a line that is not understood is passed over.
 */

export interface MappedFile {
  /** As the process's file system names it, without " (deleted)". */
  readonly path: string;
  readonly device: string;
  readonly inode: number;
  /** First mapped range, as /proc/PID/map_files names it. */
  readonly range: string;
  readonly deleted: boolean;
  /** Some part of it is code. */
  executable: boolean;
  /** Mapped read-only and shared, as the library maps a control page. */
  readonly sharedReadOnly: boolean;
}

export interface Mappings {
  readonly files: readonly MappedFile[];
  /** There was more than may be read. */
  readonly cut: boolean;
}

const DELETED = " (deleted)";

/** proc_pid_maps(5): range, permissions, offset, device, inode, path. */
export function parseMappings(text: string, cut: boolean): Mappings {
  const files = new Map<string, MappedFile>();
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf("\n", start);
    // The last line of a cut text may be a part of one.
    if (newline < 0) break;
    const slash = text.indexOf("/", start);
    // No further line names a file.
    if (slash < 0) break;
    if (slash < newline) addLine(files, { text, start, slash, newline });
    start = newline + 1;
  }
  return { files: [...files.values()], cut };
}

interface Line {
  readonly text: string;
  readonly start: number;
  readonly slash: number;
  readonly newline: number;
}

function addLine(files: Map<string, MappedFile>, { text, start, slash, newline }: Line): void {
  const name = text.slice(slash, newline);
  const known = files.get(name);
  if (known?.executable === true) return;
  const fields = text.slice(start, slash).split(" ");
  const [range = "", permissions = "", , device = "", inode = ""] = fields;
  if (!/^[1-9]\d*$/.test(inode)) return; // a name in brackets may hold a slash, too
  const executable = permissions[2] === "x";
  if (known !== undefined) {
    if (executable) known.executable = true;
    return;
  }
  const deleted = name.endsWith(DELETED);
  files.set(name, {
    path: deleted ? name.slice(0, -DELETED.length) : name,
    device,
    inode: Number(inode),
    ...{ range, deleted, executable },
    sharedReadOnly: permissions === "r--s",
  });
}
