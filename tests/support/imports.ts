import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync, Visitor, type Expression } from "oxc-parser";

export interface Import {
  readonly file: string;
  /** A file of ours as a path from the root, a package as it is written. */
  readonly target: string;
  readonly isOurs: boolean;
  /**
   * How: by a statement, for its types alone, by `import(...)`, or as a file of its own that is read
   * or that a thread or a process is started with.
   */
  readonly kind: "value" | "type" | "dynamic" | "file";
}

/** What `import(...)` of a computed name imports, as far as can be said. */
export const COMPUTED = "(computed)";

/** Those of own-files.ts that name a file from the root. */
const OWN: ReadonlySet<string> = new Set(["ownFile", "ownProgram"]);

function literal(expression: Expression | undefined): string | undefined {
  if (expression?.type === "Literal" && typeof expression.value === "string")
    return expression.value;
  return expression?.type === "TemplateLiteral" && expression.expressions.length === 0
    ? (expression.quasis[0]?.value.cooked ?? undefined)
    : undefined;
}

/** Everything that a source file imports, in every form that TypeScript and Node have. */
export function importsOf(file: string, source: string): Import[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message ?? ""}`);
  const found: Import[] = [];
  const add = (written: string, kind: Import["kind"]): void => {
    const isOurs = written.startsWith(".");
    const target = isOurs ? normalize(join(dirname(file), written)) : written;
    found.push({ file, target, isOurs, kind });
  };
  new Visitor({
    ImportDeclaration: ({ source: from, importKind }) =>
      add(from.value, importKind === "type" ? "type" : "value"),
    ExportNamedDeclaration: ({ source: from, exportKind }) => {
      if (from !== null) add(from.value, exportKind === "type" ? "type" : "value");
    },
    ExportAllDeclaration: ({ source: from, exportKind }) =>
      add(from.value, exportKind === "type" ? "type" : "value"),
    TSImportType: ({ source: from }) => add(from.value, "type"),
    ImportExpression: ({ source: from }) => add(literal(from) ?? COMPUTED, "dynamic"),
    CallExpression({ callee, arguments: [first] }) {
      if (callee.type !== "Identifier" || !OWN.has(callee.name)) return;
      const target = first?.type === "SpreadElement" ? undefined : literal(first);
      if (target !== undefined) found.push({ file, target, isOurs: true, kind: "file" });
    },
  }).visit(program);
  return found;
}

export const importsIn = (patterns: readonly string[]): Import[] =>
  globSync(patterns).flatMap((file) => importsOf(file, readFileSync(file, "utf8")));

/** The name of a package without the path in it. */
export const packageOf = (target: string): string =>
  target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");

/** The shortest circle of each place that lies on one, each circle once. */
export function circles(edges: readonly (readonly [string, string])[]): string[] {
  const next = new Map<string, string[]>();
  for (const [from, to] of edges) if (from !== to) next.set(from, [...(next.get(from) ?? []), to]);
  const seen = new Set<string>();
  const ways: string[] = [];
  for (const start of [...next.keys()].toSorted()) {
    const way = seen.has(start) ? undefined : wayBack(start, next);
    if (way === undefined) continue;
    for (const name of way) seen.add(name);
    ways.push([...way, start].join(" -> "));
  }
  return ways;
}

/** The shortest way from a place back to it. */
function wayBack(
  start: string,
  next: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const reached = new Set<string>();
  const ways: (readonly string[])[] = [[start]];
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const name of next.get(way.at(-1) ?? start) ?? []) {
      if (name === start) return way;
      if (!reached.has(name)) ways.push([...way, name]);
      reached.add(name);
    }
  }
  return undefined;
}
