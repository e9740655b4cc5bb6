import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
/** Its types bring the browser's, which are not those of Node. */
const { parse } = require("@cdktn/hcl2json") as {
  readonly parse: (file: string, text: string) => Promise<Parsed>;
};

/** An expression is text in `${}`, a nested block a list of its bodies. */
export type Body = Readonly<Record<string, unknown>>;

export interface Resource {
  readonly type: string;
  readonly name: string;
  /** As it is referred to. */
  readonly address: string;
  readonly body: Body;
}

export interface TerraformModule {
  readonly resources: readonly Resource[];
  readonly locals: Body;
  readonly variables: ReadonlyMap<string, Body>;
  readonly outputs: readonly Body[];
  /** All files, one after the other. */
  readonly text: string;
}

type Named = Readonly<Record<string, readonly Body[]>>;
interface Parsed {
  readonly resource?: Readonly<Record<string, Named>>;
  readonly data?: Readonly<Record<string, Named>>;
  readonly locals?: readonly Body[];
  readonly variable?: Named;
  readonly output?: Named;
}

const resourcesIn = (kinds: Readonly<Record<string, Named>> = {}, prefix = ""): Resource[] =>
  Object.entries(kinds).flatMap(([type, named]) =>
    Object.entries(named).flatMap(([name, bodies]) =>
      bodies.map((body) => ({
        type: prefix + type,
        name,
        address: `${prefix}${type}.${name}`,
        body,
      })),
    ),
  );

export async function readModule(folder: string): Promise<TerraformModule> {
  const texts = globSync("*.tf", { cwd: folder })
    .toSorted()
    .map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
  const files: Parsed[] = await Promise.all(texts.map(({ file, text }) => parse(file, text)));
  return {
    resources: files.flatMap(({ resource, data }) => [
      ...resourcesIn(resource),
      ...resourcesIn(data, "data."),
    ]),
    locals: Object.assign({}, ...files.flatMap(({ locals = [] }) => locals)),
    variables: new Map(
      files.flatMap(({ variable = {} }) =>
        Object.entries(variable).map(([name, [body = {}]]) => [name, body] as const),
      ),
    ),
    outputs: files.flatMap(({ output = {} }) => Object.values(output).flat()),
    text: texts.map(({ text }) => text).join("\n"),
  };
}

interface Argument {
  readonly isRequired: boolean;
  /** What it takes as TypeScript says it: `string`, `number[]`, or another interface. */
  readonly type: string;
}
type Interfaces = ReadonlyMap<string, ReadonlyMap<string, Argument>>;

const META = new Set(["count", "for_each", "depends_on", "lifecycle", "provider"]);
const PROVIDERS = [
  { folder: "google", file: (type: string) => type.replace(/^google_/, "") },
  { folder: "google-beta", file: (type: string) => type },
];

/** The interfaces that describe a resource: the last part of each link is the name in HCL. */
function interfacesOf(text: string): Interfaces {
  return new Map(
    [...text.matchAll(/^export interface (\w+)[^{]*\{\n([^]*?)^\}/gm)].map(
      ([, name = "", inner = ""]) => [
        name,
        new Map(
          [
            ...inner.matchAll(/#(\w+) \w+#\w+\}[^]*?\n {4}readonly \w+(\??): ([^;{]+|\{[^}]*\})/g),
          ].map(([, argument = "", optional, type = ""]) => [
            argument,
            {
              isRequired: optional === "",
              type: type.replace(" | cdktf.IResolvable", "").trim(),
            },
          ]),
        ),
      ],
    ),
  );
}

function schemaOf({ type, body }: Resource, providers: string): Interfaces | undefined {
  const isBeta = body["provider"] === "${google-beta}";
  const [provider] = PROVIDERS.filter(
    ({ folder }) => folder === (isBeta ? "google-beta" : "google"),
  );
  const [kind = "", prefix = ""] = type.startsWith("data.")
    ? [type.slice(5), "data-google-"]
    : [type];
  const file = `${prefix}${provider?.file(kind) ?? ""}`.replaceAll("_", "-");
  const path = join(providers, provider?.folder ?? "", file, "index.d.ts");
  return existsSync(path) ? interfacesOf(readFileSync(path, "utf8")) : undefined;
}

const isBlock = (value: unknown): value is readonly Body[] =>
  Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null);

/** The nested blocks and arguments of a body, with those that are made for each of something. */
function partsOf(body: Body): readonly (readonly [string, unknown])[] {
  const { dynamic = {}, ...plain } = body;
  const made = Object.entries(dynamic as Named).map(
    ([name, blocks]) =>
      [name, blocks.flatMap(({ content }) => content as readonly Body[])] as const,
  );
  return [...Object.entries(plain), ...made];
}

const FITS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  "string[]": (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};
const isExpression = (value: unknown): boolean =>
  typeof value === "string" && value.startsWith("${") && value.endsWith("}");

function faultsOf(body: Body, name: string, schema: Interfaces, at: string): string[] {
  const takes = schema.get(name);
  if (takes === undefined) return [`${at}: is no block`];
  const parts = partsOf(body).filter(([argument]) => !META.has(argument));
  const missing = [...takes]
    .filter(
      ([argument, { isRequired }]) => isRequired && !parts.some(([given]) => given === argument),
    )
    .map(([argument]) => `${at}: lacks ${argument}`);
  return [
    ...missing,
    ...parts.flatMap(([argument, value]) => {
      const type = takes.get(argument)?.type;
      const where = `${at}.${argument}`;
      if (type === undefined) return [`${where}: there is no such argument`];
      const block = type.replace(/\[\]$/, "");
      if (schema.has(block))
        return isBlock(value)
          ? value.flatMap((inner) => faultsOf(inner, block, schema, where))
          : [`${where}: has to be a block`];
      const fits = FITS[type] ?? (() => !isBlock(value));
      return isExpression(value) || fits(value) ? [] : [`${where}: has to be ${type}`];
    }),
  ];
}

/** What Terraform's own validation would say of names, kinds and missing arguments. */
export function faultsIn(resources: readonly Resource[], providers: string): readonly string[] {
  return resources.flatMap((resource) => {
    const schema = schemaOf(resource, providers);
    const [config] = [...(schema?.keys() ?? [])].filter((name) => name.endsWith("Config"));
    return schema === undefined || config === undefined
      ? [`${resource.address}: there is no such resource`]
      : faultsOf(resource.body, config, schema, resource.address);
  });
}
