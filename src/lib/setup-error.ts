/** What the operator can mend: its message is one line that says what and, where known, how. */
export class SetupError extends Error {
  override readonly name: string = "SetupError";
  /** What the process ends with: 1 failed, 2 wrong usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message.replace(/\s*[\r\n]+\s*/g, " "));
    this.exitCode = exitCode;
  }
}

/** The words of an error without its stack, for a line that is shown to a person. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return (code === undefined ? undefined : systemReasons[code]) ?? error.message;
}

const systemReasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "the address is in use",
  ECONNREFUSED: "connection refused",
  EDQUOT: "the disk quota is exceeded",
  EEXIST: "it exists already",
  EFBIG: "the file is too large",
  EIO: "input/output error",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENFILE: "too many open files in the system",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};
