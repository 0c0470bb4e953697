/**
 * tracing.routes.templates: a list of templates, or of mappings from services to theirs.
 * Invariant: a template that could never fit a path is refused, with what is wrong with it.
 */
import { parse } from "yaml";
import { parseRouteTemplate } from "../lib/route-template.ts";
import { limits } from "../limits.ts";
import type { RouteTemplate } from "../model/route.ts";
import { type Key, type Parsed, shown } from "./key.ts";

const EXPECTS = 'a list of templates such as /users/{id} or {shop: ["/orders/{id}"]}';

/** In a variable the list is written as YAML or JSON on one line. */
export function routeTemplates(meaning: string): Key<readonly RouteTemplate[]> {
  return {
    meaning,
    expects: EXPECTS,
    initial: [],
    environment: [],
    secret: false,
    ofYaml: templatesOf,
    ofText: (text) => {
      try {
        return templatesOf(parse(text));
      } catch {
        return { problem: `expects ${EXPECTS}, got ${shown(text)}` };
      }
    },
  };
}

function templatesOf(value: unknown): Parsed<readonly RouteTemplate[]> {
  if (!Array.isArray(value)) return { problem: `expects ${EXPECTS}, got ${shown(value)}` };
  const templates: RouteTemplate[] = [];
  for (const item of value) {
    const problem = isMapping(item)
      ? addMapping(templates, item)
      : addTemplate(templates, item, undefined);
    if (problem !== undefined) return { problem };
  }
  if (templates.length > limits.routeTemplatesMax) {
    return { problem: `has more than ${limits.routeTemplatesMax} templates` };
  }
  return { value: templates };
}

function addMapping(
  templates: RouteTemplate[],
  mapping: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [service, list] of Object.entries(mapping)) {
    if (!Array.isArray(list)) return `expects a list of templates for ${service}`;
    for (const item of list) {
      const problem = addTemplate(templates, item, service);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function addTemplate(
  templates: RouteTemplate[],
  item: unknown,
  service: string | undefined,
): string | undefined {
  if (typeof item !== "string") return `expects ${EXPECTS}, got ${shown(item)} in it`;
  const parsed = parseRouteTemplate(item);
  if ("problem" in parsed) return `has the template ${item.slice(0, 60)}, which ${parsed.problem}`;
  templates.push({ text: item, ...parsed, service });
  return undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
