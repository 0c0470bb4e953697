/** Which language runtime an executable is, by its name. */

export type Runtime = "python" | "nodejs" | "java" | "php" | "ruby" | "dotnet" | "perl";

const patterns: readonly (readonly [runtime: Runtime, name: RegExp])[] = [
  ["python", /^(?:python|pypy)\d*(?:\.\d+)*t?$/],
  ["nodejs", /^node(?:js)?\d*$/],
  ["java", /^java$/],
  ["php", /^php(?:-fpm|-cgi)?\d*(?:\.\d+)*$/],
  ["ruby", /^ruby\d*(?:\.\d+)*$/],
  ["dotnet", /^dotnet$/],
  ["perl", /^perl\d*(?:\.\d+)*$/],
];

export function runtimeOf(executableName: string): Runtime | undefined {
  return patterns.find(([, pattern]) => pattern.test(executableName))?.[0];
}

export function baseName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.replace(/ \(deleted\)$/, "");
}
