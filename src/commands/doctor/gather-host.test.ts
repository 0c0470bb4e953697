import { expect, test } from "bun:test";
import { preloadsIn } from "./gather-host.ts";

test("entries of /etc/ld.so.preload; what only a loader can find counts as there", () => {
  const text = `# all programs\n/:/none.so libname.so\n/usr/$LIB/a.so # one more\n`;
  expect(preloadsIn(text)).toEqual([
    { path: "/", exists: true },
    { path: "/none.so", exists: false },
    { path: "libname.so", exists: true },
    { path: "/usr/$LIB/a.so", exists: true },
  ]);
  expect(preloadsIn("")).toEqual([]);
});
