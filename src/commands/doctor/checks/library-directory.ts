/** Programs have to be able to load the library from somewhere. */
import type { Check } from "../check.ts";

export const libraryDirectory: Check = {
  name: "library directory",
  section: "host",
  run: ({ host }) => {
    const usable = host.libraryDirectories.find(({ problem }) => problem === undefined);
    if (usable !== undefined) {
      return [{ level: "ok", text: `programs can load the library from ${usable.path}` }];
    }
    const reasons = host.libraryDirectories.map(({ path, problem }) => `${path} (${problem})`);
    return [
      {
        level: "wrong",
        text: `programs cannot load the library from ${reasons.join(", ")}`,
        fix: "set XDG_CACHE_HOME to a directory of yours that is mounted without noexec",
      },
    ];
  },
};
