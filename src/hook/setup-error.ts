/** What the operator has to mend before the agent can listen: one clear line, no stack needed. */
export class HookSetupError extends Error {
  override readonly name = "HookSetupError";
}

/** The readable part of a failed system call: "permission denied", "no space left on device". */
export function systemReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words: Record<string, string> = {
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    EROFS: "read-only file system",
    ENOSPC: "no space left on device",
    ENOTDIR: "a part of the path is not a directory",
    EEXIST: "a file of that name exists",
    ELOOP: "it is a symbolic link",
    ENOENT: "no such file or directory",
    EISDIR: "it is a directory",
    ENAMETOOLONG: "the name is too long",
  };
  return words[code] ?? text;
}
