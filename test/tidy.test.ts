/**
 * The house rules as a test: imports, sizes, forbidden constructs, and what folders must hold. Each
 * rule is tried on made-up projects first (tidy/samples.ts), then on this one.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { described, readHouse, readSamples } from "./tidy/house.ts";
import { importRules } from "./tidy/imports.ts";
import { languageRules } from "./tidy/language.ts";
import { projectRules, ratioFolders, testRatio } from "./tidy/project.ts";
import { samples } from "./tidy/samples.ts";
import { sizeRules } from "./tidy/sizes.ts";

const rules = [...importRules, ...sizeRules, ...languageRules, ...projectRules];

const [house, sampleHouses] = await Promise.all([
  readHouse(join(import.meta.dir, "..")),
  readSamples(samples.map((sample) => sample.files)),
]);

describe("each rule sees what it is for", () => {
  for (const [index, { rule: name, name: title, expected }] of samples.entries()) {
    test(`${name}: ${title}`, () => {
      const rule = rules.find((candidate) => candidate.name === name);
      const sample = sampleHouses[index];
      if (rule === undefined || sample === undefined) throw new Error(`no rule ${name}`);
      const found = rule.check(sample).map(({ path, line }) => `${path}:${line}`);
      expect(found.sort()).toEqual([...expected]);
    });
  }

  test("no rule is without a sample that breaks it", () => {
    const broken = new Set(
      samples.flatMap((sample) => (sample.expected.length > 0 ? [sample.rule] : [])),
    );
    expect(rules.filter(({ name }) => !broken.has(name)).map(({ name }) => name)).toEqual([]);
  });
});

describe("the project keeps every rule", () => {
  for (const rule of rules) {
    test(rule.name, () => expect(rule.check(house).map(described)).toEqual([]));
  }

  const ratios = ratioFolders.map((folder) => `${folder} ${testRatio(house, folder).toFixed(2)}`);
  test(`lines of tests for a line of code: ${ratios.join(", ")}`, () => {
    for (const folder of ratioFolders) expect(testRatio(house, folder)).toBeGreaterThan(0);
  });

  test("the rules see the project", () => {
    expect(house.sources.length).toBeGreaterThan(50);
    expect(house.files.some(({ path }) => path === "libolly/include/olly_wire.h")).toBe(true);
  });
});
