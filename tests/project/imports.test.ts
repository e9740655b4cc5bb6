import { readFileSync } from "node:fs";
import { globSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

/**
 * The layers of the product, and what each may import of ours. `types` is what it may import by
 * `import type` only.
 */
const RULES: readonly {
  readonly files: RegExp;
  readonly imports: RegExp;
  readonly types?: RegExp;
}[] = [
  { files: /^(errors|json-text)\.ts$/, imports: /^$/ },
  {
    files: /^machines\//,
    imports: /^machines\//,
    types: /^(errors\.ts|science\/|services\/runs\/document\.ts)/,
  },
  { files: /^science\//, imports: /^(science\/|errors\.ts$)/ },
  {
    files: /^services\/runs\//,
    imports:
      /^(services\/runs\/|(errors|json-text)\.ts$|science\/(query\/structured-query|prompting\/prompt-plan)\.ts$)/,
  },
  { files: /^services\/(\w|-)+\//, imports: /^(services\/|errors\.ts$)/ },
  {
    files: /^actors\//,
    imports:
      /^(actors\/|machines\/|science\/|(errors|json-text)\.ts$|services\/[\w-]+\/(index|document)\.ts$)/,
  },
  {
    files: /^insight\//,
    imports: /^(insight\/|errors\.ts$|services\/[\w-]+\/(index|document)\.ts$)/,
    types: /^(actors\/instruments|machines\/run-types|config)\.ts$/,
  },
  {
    files: /^(cli|server)\//,
    imports:
      /^(cli\/|server\/|insight\/|actors\/|services\/|science\/.*|machines\/|config\.ts$|daemon\.ts$|adapters\.ts$|errors\.ts$)/,
  },
  { files: /^config\.ts$/, imports: /^(config\/|errors\.ts$)/ },
  { files: /^config\//, imports: /^config\// },
];

/** Packages that only one file (or folder) may import. */
const VENDORS: Readonly<Record<string, RegExp>> = {
  xstate: /^(machines|actors)\//,
  mongodb: /^services\/(runs|access)\/mongodb/,
  nodemailer: /^services\/mail\/eml-file/,
  "node:sqlite": /^services\/(runs|access)\/sqlite/,
  h5wasm: /^science\/anndata\//,
  vega: /^science\/report\//,
  commander: /^cli\//,
  "@google-cloud/batch": /^services\/batch\/google\//,
  "@google-cloud/storage": /^services\/objects\/google\//,
  "@google-cloud/pubsub": /^services\/job-events\/google\//,
  cockatiel: /^services\/http\//,
  "p-throttle": /^services\/http\//,
  "eventsource-parser/stream": /^cli\/server\//,
  fastify: /^server\//,
  "@fastify/websocket": /^server\/inspection\//,
  "@fastify/send": /^server\/runs\/files/,
  "@fastify/sse": /^server\/events\//,
  jose: /^server\/access\/identify/,
  "@sendgrid/mail": /^services\/mail\/sendgrid/,
  "google-auth-library": /^services\/images\//,
  "prom-client": /^insight\/metrics/,
  "@opentelemetry/api": /^insight\/traces/,
  "@opentelemetry/exporter-trace-otlp-http": /^insight\/traces/,
  "@opentelemetry/resources": /^insight\/traces/,
  "@opentelemetry/sdk-trace-node": /^insight\/traces/,
  pino: /^insight\/logging/,
  openai: /^services\/language-model\/openai/,
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(/^(import|export) (type )?(?:[^;"']*? from )?["']([^"']+)["']/gm)].map(
    ([, , type, target = ""]) => ({
      file,
      target: target.startsWith(".") ? normalize(join(dirname(file), target)) : target,
      typeOnly: type !== undefined,
    }),
  );
}

const isOurs = (target: string): boolean => target.endsWith(".ts") || target.endsWith(".json");

function breaches(found: readonly Import[]): string[] {
  return found.flatMap(({ file, target, typeOnly }) => {
    const vendor = VENDORS[target];
    if (vendor !== undefined && !vendor.test(file))
      return [`${file} imports ${target}, which belongs to ${vendor.source}`];
    const rule = RULES.find(({ files }) => files.test(file));
    if (rule === undefined || !isOurs(target)) return [];
    return rule.imports.test(target) || (typeOnly && rule.types?.test(target) === true)
      ? []
      : [`${file} imports ${target}`];
  });
}

const sources = globSync(["*.ts", "{machines,actors,insight,science,services,server,cli}/**/*.ts"]);

test("every layer imports only what it may", () => {
  const all = sources.flatMap((file) => importsOf(file, readFileSync(file, "utf8")));
  expect(all.length).toBeGreaterThan(200);
  expect(breaches(all)).toEqual([]);
});

test("a planted breach is found", () => {
  expect(
    breaches(
      importsOf(
        "machines/run.ts",
        'import { openSqliteRuns } from "../services/runs/sqlite/store.ts";',
      ),
    ),
  ).toHaveLength(1);
  expect(
    breaches(
      importsOf(
        "science/report/report.ts",
        'import type { RunStore } from "../../services/runs/index.ts";',
      ),
    ),
  ).toHaveLength(1);
  expect(
    breaches(
      importsOf("actors/supervisor/supervisor.ts", 'import { MongoClient } from "mongodb";'),
    ),
  ).toHaveLength(1);
});
