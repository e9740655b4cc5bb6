import { expect, test } from "vitest";
import {
  circles,
  COMPUTED,
  importsIn,
  importsOf,
  packageOf,
  type Import,
} from "../support/imports.ts";

/**
 * The rooms of the product, and what each may import of ours; itself, always. `types` is what it may
 * import by `import type` only. Only the command line, which starts everything, knows the
 * composition root; docs/decisions/0021-rooms-and-imports.md says why.
 */
const HELPERS =
  "(each-apart|error-catalogue|errors|given|json-text|last-work|own-files|retry-after|spared|system-words|unfinished|zod-words)\\.ts";
const INTERFACES = "services/[\\w-]+/(index|document|iteration)\\.ts";
const ACTORS =
  "actors/([\\w-]+|supervisor/supervisor|mail/requested|(watch|inspection|imports)/[\\w-]+)\\.ts";
const COMPOSITION = "(adapters/[\\w-]+|daemon|fail-unbegun|serve|workbench)\\.ts";

interface Room {
  readonly files: RegExp;
  readonly imports: readonly string[];
  readonly types?: readonly string[];
}

const ROOMS: readonly Room[] = [
  {
    files:
      /^(each-apart|error-catalogue|given|json-text|last-work|own-files|retry-after|system-words|zod-words)\.ts$/,
    imports: [],
  },
  { files: /^errors\.ts$/, imports: ["(error-catalogue|system-words)\\.ts"] },
  { files: /^unfinished\.ts$/, imports: ["each-apart\\.ts"] },
  { files: /^spared\.ts$/, imports: ["(errors|system-words)\\.ts"] },
  { files: /^software\.ts$/, imports: [HELPERS, "package\\.json"] },
  { files: /^config(\/.*)?\.ts$/, imports: ["config/.*", HELPERS] },
  {
    files: /^machines\//,
    imports: [],
    types: ["errors\\.ts", "science/.*", "services/runs/(document|iteration)\\.ts"],
  },
  { files: /^science\//, imports: [HELPERS] },
  {
    files: /^services\/runs\//,
    imports: [
      HELPERS,
      "science/(query/structured-query|prompting/prompt-plan|atlas/withhold|accuracy/accuracy-schema)\\.ts",
    ],
  },
  // Tokens are kept where the runs are, by the same connections.
  {
    files: /^services\/access\//,
    imports: [HELPERS, "services/runs/(mongodb/(client|errors)|sqlite/durable)\\.ts"],
  },
  // The baseline is a program of its own that jobs run.
  {
    files: /^services\/batch\//,
    imports: [
      HELPERS,
      INTERFACES,
      "services/http/[\\w-]+\\.ts",
      "science/inference/delta-transfer-main\\.ts",
    ],
  },
  { files: /^services\//, imports: [HELPERS, INTERFACES, "services/http/[\\w-]+\\.ts"] },
  { files: /^actors\//, imports: [HELPERS, INTERFACES, "machines/.*", "science/.*"] },
  {
    files: /^insight\//,
    imports: [HELPERS, INTERFACES],
    types: ["actors/instruments\\.ts", "machines/run-types\\.ts", "config\\.ts"],
  },
  {
    files: /^server\//,
    imports: [
      HELPERS,
      INTERFACES,
      ACTORS,
      "config\\.ts",
      "insight/.*",
      "machines/.*",
      "science/.*",
      "web/built",
    ],
  },
  {
    files: /^cli\//,
    imports: [
      HELPERS,
      INTERFACES,
      ACTORS,
      COMPOSITION,
      "(config|software)\\.ts",
      "insight/.*",
      "science/.*",
      // What a server answers, and what a token is.
      "server/(runs/schemas|questions/shown-check|access/tokens)\\.ts",
    ],
    types: ["machines/run-types\\.ts"],
  },
  // What the browser gets; all that it knows of the daemon it has over HTTP.
  { files: /^web\/src\//, imports: [] },
  { files: new RegExp(`^(index\\.ts|${COMPOSITION})$`), imports: [".*"] },
];

/** Where each package may be imported. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  "@streamparser/json": /^actors\/shared-indexes\.ts$/,
  zod: /./,
  "p-limit": /^(actors|cli|services)\//,
  xstate: /^(machines|actors)\//,
  mongodb: /^services\/(runs\/mongodb\/|access\/mongodb(-shares)?\.ts)/,
  "node:sqlite": /^services\/(runs\/sqlite\/|access\/sqlite(-shares)?\.ts|http\/shared-pace\.ts)/,
  nodemailer: /^services\/mail\/eml-file\.ts/,
  "@sendgrid/mail": /^services\/mail\/sendgrid\.ts/,
  openai: /^services\/language-model\/openai\//,
  "@google-cloud/batch": /^services\/batch\/google\//,
  "@google-cloud/storage": /^services\/objects\/google\//,
  "@google-cloud/pubsub": /^services\/job-events\/google\//,
  "@grpc/grpc-js": /^services\/batch\/google\//,
  "google-auth-library": /^services\/images\/registry\.ts/,
  "string-argv": /^services\/batch\/local\//,
  cockatiel: /^services\/http\//,
  "p-throttle": /^services\/http\//,
  h5wasm: /^science\/anndata\//,
  zarrita: /^science\/anndata\/zarr/,
  cephes: /^science\/statistics\//,
  "pure-rand": /^science\/(grounding|simulate)\//,
  "fastest-levenshtein": /^(cli|config|science)\//,
  eta: /^science\/(knowledge|report)\//,
  vega: /^science\/report\//,
  "vega-lite": /^science\/report\//,
  commander: /^cli\//,
  ora: /^cli\//,
  open: /^cli\/runs\/browser\.ts/,
  "eventsource-parser": /^(cli\/server|web\/src)\//,
  preact: /^web\/src\//,
  elkjs: /^web\/src\/inspector\/layout\.ts/,
  fastify: /^(server\/|serve\.ts)/,
  "fastify-type-provider-zod": /^server\//,
  "@fastify/cors": /^server\//,
  "@fastify/helmet": /^server\//,
  "@fastify/rate-limit": /^server\//,
  "@fastify/swagger": /^server\//,
  "@fastify/websocket": /^server\/inspection\//,
  "@fastify/send": /^server\/runs\/files\.ts/,
  "@fastify/sse": /^server\/events\//,
  jose: /^server\/access\/identify\.ts/,
  "prom-client": /^insight\/metrics(-measured)?\.ts/,
  pino: /^insight\/logging\.ts/,
  "@opentelemetry/api": /^insight\/traces\.ts/,
  "@opentelemetry/exporter-trace-otlp-http": /^insight\/traces\.ts/,
  "@opentelemetry/resources": /^insight\/traces\.ts/,
  "@opentelemetry/sdk-trace-node": /^insight\/traces\.ts/,
};

const matches = (parts: readonly string[] = [], target: string): boolean =>
  parts.some((part) => new RegExp(`^${part}$`).test(target));

/** The folder that a file is in; of services/, the port's. */
const roomOf = (file: string): string =>
  file.startsWith("services/") ? file.split("/").slice(0, 2).join("/") : (file.split("/")[0] ?? "");

function upward({ file, target, isOurs, kind }: Import): string[] {
  const told = `${file} imports ${target}${kind === "value" ? "" : ` (${kind})`}`;
  const room = ROOMS.find(({ files }) => files.test(file));
  if (room === undefined) return [`${file} is in no room`];
  // The program of a compute process imports the module that the caller names.
  if (target === COMPUTED) return file === "services/compute/task-process.ts" ? [] : [told];
  if (!isOurs) {
    if (target.startsWith("node:") && PACKAGES[target] === undefined) return [];
    return PACKAGES[packageOf(target)]?.test(file) === true ? [] : [told];
  }
  const isAllowed =
    roomOf(file) === roomOf(target) ||
    matches(room.imports, target) ||
    (kind === "type" && matches(room.types, target));
  return isAllowed ? [] : [told];
}

/** Files and rooms; what only types need counts too: who reads one reads the other. */
function circlesOf(imports: readonly Import[]): string[] {
  const ours = imports.filter(({ isOurs }) => isOurs);
  const isRoom = (file: string): boolean => file.includes("/") && !file.startsWith("services/");
  return [
    ...circles(ours.map(({ file, target }) => [file, target])),
    ...circles(
      ours
        .filter(({ file, target }) => isRoom(file) && isRoom(target))
        .map(({ file, target }) => [roomOf(file), roomOf(target)]),
    ),
  ];
}

const checked = (imports: readonly Import[]) => ({
  upward: imports.flatMap(upward),
  circles: circlesOf(imports),
});

const planted = (...sources: readonly (readonly [string, string])[]) =>
  checked(sources.flatMap(([file, source]) => importsOf(file, source)));

const all = importsIn([
  "*.ts",
  "{actors,adapters,cli,config,insight,machines,science,server,services}/**/*.ts",
  "web/src/**/*.{ts,tsx}",
]).filter(({ file }) => file !== "vitest.config.ts");

test("every room imports only what it may, and nothing imports in a circle", () => {
  expect(all.length).toBeGreaterThan(1_000);
  expect(checked(all)).toEqual({ upward: [], circles: [] });
});

test.each([
  [
    "a file of another room",
    "machines/run.ts",
    'import { a } from "../services/runs/sqlite/store.ts";',
  ],
  [
    "types of another room",
    "science/report/report.ts",
    'import type { RunStore } from "../../services/runs/index.ts";',
  ],
  [
    "a value where only types may be",
    "machines/run.ts",
    'import { RUN_PHASES } from "../services/runs/document.ts";',
  ],
  [
    "types written in place",
    "science/report/report.ts",
    'type Store = import("../../services/runs/index.ts").RunStore;',
  ],
  ["what is passed on", "actors/tasks.ts", 'export * from "../services/runs/sqlite/store.ts";'],
  [
    "what is imported later",
    "server/app.ts",
    'const { openDaemon } = await import("../daemon.ts");',
  ],
  ["what is imported later, in backticks", "server/app.ts", "await import(`../adapters/runs.ts`);"],
  ["what is imported under a computed name", "server/app.ts", "await import(name);"],
  ["a thread", "actors/tasks.ts", 'new Worker(ownProgram("services/runs/sqlite/thread.ts"));'],
  [
    "an adapter in place of its interface",
    "cli/watch.ts",
    'import { systemClock } from "../services/clock/system.ts";',
  ],
  [
    "the adapter of another port",
    "services/mail/sendgrid.ts",
    'import { a } from "../objects/directory/store.ts";',
  ],
  [
    "the inside of the actors",
    "server/app.ts",
    'import { createRunHost } from "../actors/host/run-host.ts";',
  ],
  [
    "a package of another file",
    "actors/supervisor/supervisor.ts",
    'import { MongoClient } from "mongodb";',
  ],
  ["a part of such a package", "actors/tasks.ts", 'import { File } from "h5wasm/node";'],
  ["such a package, later", "cli/main.ts", 'await import("@google-cloud/batch");'],
  ["a package without a room", "server/app.ts", 'import { a } from "left-pad";'],
  ["SQLite of Node", "actors/tasks.ts", 'import { DatabaseSync } from "node:sqlite";'],
  [
    "the daemon in the window",
    "web/src/a.ts",
    'import type { Run } from "../../services/runs/document.ts";',
  ],
  ["the window in the daemon", "server/app.ts", 'import { link } from "../web/src/address.ts";'],
  ["a file without a room", "helpers/a.ts", 'import { a } from "./b.ts";'],
])("seen as upward: %s", (_, file, source) => {
  expect(planted([file, source])).toEqual({ upward: [expect.stringContaining(file)], circles: [] });
});

test.each([
  ["values", 'import { b } from "./b.ts";', 'import { a } from "./a.ts";'],
  ["types", 'import type { b } from "./b.ts";', 'import type { a } from "./a.ts";'],
  ["what is imported later", 'await import("./b.ts");', 'export { a } from "./a.ts";'],
])("seen as a circle of files: %s", (_, a, b) => {
  expect(planted(["cli/a.ts", a], ["cli/b.ts", b])).toEqual({
    upward: [],
    circles: ["cli/a.ts -> cli/b.ts -> cli/a.ts"],
  });
});

test("seen as a circle of files: one over others", () => {
  expect(
    planted(
      ["cli/a.ts", 'import "./b.ts";'],
      ["cli/b.ts", 'import "./d.ts"; import "./c.ts";'],
      ["cli/c.ts", 'import "./a.ts";'],
      ["cli/d.ts", 'import "./e.ts";'],
    ).circles,
  ).toEqual(["cli/a.ts -> cli/b.ts -> cli/c.ts -> cli/a.ts"]);
});

test("seen as a circle of rooms", () => {
  expect(
    planted(
      ["adapters/a.ts", 'import type { B } from "../cli/b.ts";'],
      ["cli/c.ts", 'import { a } from "../adapters/a.ts";'],
    ),
  ).toEqual({ upward: [], circles: ["adapters -> cli -> adapters"] });
});

/** What is loaded before anything is asked for: the options of commands, and no part of a daemon. */
test("the command line loads the composition root where a command needs it", () => {
  const loaded = new Set(["cli/main.ts"]);
  for (const file of loaded)
    for (const { target } of all.filter(
      ({ file: from, kind }) => from === file && kind === "value",
    ))
      loaded.add(target);
  expect(loaded).toContain("cli/commands/serve.ts");
  const heavy = new RegExp(
    `^(ora|${COMPOSITION}|(insight|machines|server)/.*|services/.*/(sqlite|store).*)$`,
  );
  expect([...loaded].filter((name) => heavy.test(name))).toEqual([]);
});
