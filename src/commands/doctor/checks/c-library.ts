/** With which C library this host's own programs run. */
import { blindSpots } from "../../../model/visibility.ts";
import type { Check } from "../check.ts";

export const cLibrary: Check = {
  name: "C library",
  section: "host",
  run: ({ host }) => {
    if (host.loader === undefined) {
      return [{ level: "unknown", text: "the loader of /bin/sh cannot be told" }];
    }
    if (host.loader === "") {
      return [{ level: "note", text: "/bin/sh is statically linked: it cannot be hooked" }];
    }
    if (!host.loader.includes("ld-musl-")) {
      return [{ level: "ok", text: `programs are loaded by ${host.loader}` }];
    }
    const { meaning, fix } = blindSpots.musl_stdio;
    return [{ level: "note", text: `programs are loaded by ${host.loader}: ${meaning}`, fix }];
  },
};
