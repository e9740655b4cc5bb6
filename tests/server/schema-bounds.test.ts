import { expect, test } from "vitest";
import { z } from "zod";
import { variables } from "../../config/variables.ts";
import { createServer } from "../../server/app.ts";
import { runConfigSchema, runLabelsSchema, runNameSchema } from "../../services/runs/document.ts";
import { unbounded, type JsonSchema } from "../project/schema-bounds.ts";
import { startTestServer } from "../support/server.ts";

const jsonOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;

interface Operation {
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  };
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** What a route takes. */
const PARTS = ["body", "querystring", "params", "headers"] as const;

test("every text, list, table and number that a route takes has a bound, hidden routes too", async () => {
  const { parts } = await startTestServer();
  const found: string[] = [];
  let seen = 0;
  const app = await createServer(parts, undefined, (route) => {
    for (const part of PARTS) {
      const schema = route.schema?.[part];
      if (schema === undefined) continue;
      seen += 1;
      found.push(
        ...unbounded(jsonOf(schema as z.ZodType), `${String(route.method)} ${route.url} ${part}`),
      );
    }
  });
  await app.close();
  expect(found).toEqual([]);
  expect(seen).toBeGreaterThan(30);
});

test("so says the description of the API", async () => {
  const { url } = await startTestServer();
  const { paths, components } = (await (
    await fetch(`${url}/api/v1/openapi.json`)
  ).json()) as Description;
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [], requestBody }]) => [
      ...parameters.flatMap(({ in: place, name, schema }) =>
        unbounded(schema, `${method} ${path} ${place} ${name}`),
      ),
      ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }) =>
        unbounded({ ...schema, $defs: components.schemas }, `${method} ${path} body`),
      ),
    ]),
  );
  expect(found).toEqual([]);
  expect(Object.keys(paths).length).toBeGreaterThan(20);
});

test.each<[string, z.ZodType]>([
  ["configuration of a run", runConfigSchema],
  ["labels", runLabelsSchema],
  ["name", runNameSchema],
  ["environment", variables],
])("so has what comes in by files, variables and other programs: %s", (name, schema) => {
  expect(unbounded(jsonOf(schema), name)).toEqual([]);
});

test.each<[string, z.ZodType, string]>([
  ["a text", z.strictObject({ a: z.string().optional() }), "x.a: a text of any length"],
  ["a pattern", z.string().regex(/^a+$/), "x: a text of any length"],
  ["a time", z.iso.datetime(), "x: a text of any length"],
  ["a list", z.array(z.number().int().min(0).max(9)), "x: a list of any length"],
  ["a list in a choice", z.union([z.null(), z.array(z.null())]), "x|1: a list of any length"],
  ["a number", z.number().min(0), "x: any number"],
  ["a whole number", z.tuple([z.int()]), "x[]: any number"],
  ["a table", z.record(z.string().max(9), z.null()), "x: a table of any size"],
  [
    "a table's names",
    z.record(z.string(), z.null()).meta({ maxProperties: 2 }),
    "x (names): a text of any length",
  ],
  ["others", z.looseObject({}), "x: a table of any size"],
  ["anything", z.strictObject({ a: z.unknown() }), "x.a: anything"],
  [
    "what stands elsewhere",
    z.strictObject({ a: z.string().meta({ id: "Elsewhere" }) }),
    "x.a: a text of any length",
  ],
])("%s without a bound is found", (_, schema, what) => {
  expect(unbounded(jsonOf(schema), "x")).toContain(what);
});
