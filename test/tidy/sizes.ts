/** How long files, functions, parameter lists and lines may be. */
import {
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  type Node,
} from "typescript/unstable/ast";
import {
  type House,
  isTestFile,
  lineAt,
  lineCount,
  type Rule,
  type Violation,
  walk,
} from "./house.ts";

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const PARAMETERS_MAX = 4;
const LINE_CHARS_MAX = 100;

function isCode(path: string): boolean {
  const house = /^(src|test|scripts)\/.*\.ts$|^libolly\/.*\.[ch]$/.test(path);
  return house && !path.includes("/fixtures/");
}

function checkFileLength({ files }: House): Violation[] {
  return files.flatMap(({ path, text }) => {
    const lines = lineCount(text);
    if (!isCode(path) || lines <= FILE_LINES_MAX) return [];
    return [{ path, line: FILE_LINES_MAX + 1, message: `file has ${lines} lines` }];
  });
}

function checkLineWidth({ files }: House): Violation[] {
  return files.flatMap(({ path, text }) => {
    if (!isCode(path)) return [];
    return text.split("\n").flatMap((content, index) => {
      // Cases of tests are data, and a long text stays in one piece.
      const isCase = isTestFile(path) && /["'`]/.test(content);
      if (content.length <= LINE_CHARS_MAX || isCase) return [];
      return [{ path, line: index + 1, message: `line has ${content.length} characters` }];
    });
  });
}

/** The parameters of a function with a body; undefined for every other node. */
function parametersOf(node: Node): number | undefined {
  const isFunction =
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isArrowFunction(node) ||
    isMethodDeclaration(node) ||
    isConstructorDeclaration(node) ||
    isGetAccessorDeclaration(node);
  return isFunction ? node.parameters.length : undefined;
}

/** Tests name their cases inside one function that is as long as the list of cases. */
function checkFunctionLength({ sources }: House): Violation[] {
  return sources.flatMap(({ path, text, tree, isTest }) => {
    const violations: Violation[] = [];
    walk(tree, (node) => {
      if (parametersOf(node) === undefined || isTest) return;
      const line = lineAt(text, node.getStart(tree));
      const lines = lineAt(text, node.end) - line + 1;
      if (lines <= FUNCTION_LINES_MAX) return;
      violations.push({ path, line, message: `function has ${lines} lines` });
    });
    return violations;
  });
}

function checkParameters({ sources }: House): Violation[] {
  return sources.flatMap(({ path, text, tree }) => {
    const violations: Violation[] = [];
    walk(tree, (node) => {
      const count = parametersOf(node) ?? 0;
      if (count <= PARAMETERS_MAX) return;
      const line = lineAt(text, node.getStart(tree));
      violations.push({ path, line, message: `function has ${count} parameters` });
    });
    return violations;
  });
}

interface CFunction {
  readonly line: number;
  readonly lines: number;
}

/** Comments, strings, characters and preprocessor lines as blanks, newlines kept. */
function bareC(text: string): string {
  const noise =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|^[ \t]*#(?:\\\n|[^\n])*/gm;
  return text.replace(noise, (part) => part.replace(/[^\n]/g, " "));
}

/** Functions of a C file: blocks at the outermost level whose head has a parameter list. */
function functionsOfC(text: string): CFunction[] {
  const bare = bareC(text);
  const functions: CFunction[] = [];
  let depth = 0;
  let headStart = 0;
  let head = "";
  for (let index = 0; index < bare.length; index++) {
    const char = bare[index];
    if (char === "{" && depth++ === 0) head = bare.slice(headStart, index);
    if (char === "}" && --depth === 0) {
      const isFunction =
        /\([\s\S]*\)[^=]*$/.test(head) && !/\b(struct|union|enum)\s*\w*\s*$/.test(head);
      const line = lineAt(bare, headStart + head.search(/\S/));
      if (isFunction) functions.push({ line, lines: lineAt(bare, index) - line + 1 });
    }
    if (depth === 0 && (char === ";" || char === "}")) headStart = index + 1;
  }
  return functions;
}

function checkCFunctions({ files }: House): Violation[] {
  return files.flatMap(({ path, text }) => {
    if (!/^libolly\/.*\.[ch]$/.test(path)) return [];
    return functionsOfC(text).flatMap(({ line, lines }) => {
      const message = `function has ${lines} lines`;
      return lines > FUNCTION_LINES_MAX ? [{ path, line, message }] : [];
    });
  });
}

export const sizeRules: readonly Rule[] = [
  { name: "file-length", check: checkFileLength },
  { name: "line-width", check: checkLineWidth },
  { name: "function-length", check: checkFunctionLength },
  { name: "parameters", check: checkParameters },
  { name: "c-function-length", check: checkCFunctions },
];
