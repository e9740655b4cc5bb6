import { readFileSync } from "node:fs";
import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { insertedRunSchema, SCHEMA_FILES, storedRunSchema } from "../../docs/run-schemas.ts";
import { completeOutsideRun } from "../../services/runs/outside.ts";
import { completedRun, failedRun } from "../support/expected-runs.ts";
import { run } from "../support/hosted-runs.ts";

test("the published schemas are those of the code (npm run docs writes them)", () => {
  for (const [file, schema] of Object.entries(SCHEMA_FILES))
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema());
});

/** Whether a validator of JSON Schema, which knows nothing of us, takes the value. */
async function validator(schema: object): Promise<(value: unknown) => Promise<boolean>> {
  const server = Fastify({
    ajv: { customOptions: { coerceTypes: false, useDefaults: false, removeAdditional: false } },
  });
  onTestFinished(() => server.close());
  server.post("/", { schema: { body: schema } }, () => "taken");
  return async (value) => {
    const { statusCode } = await server.inject({
      method: "POST",
      url: "/",
      headers: { "content-type": "application/json" },
      payload: JSON.stringify(value),
    });
    return statusCode === 200;
  };
}

const QUERY = { query: "How would B cells respond to IFN-beta?" };

test.each<[string, Record<string, unknown>]>([
  ["a question alone", QUERY],
  [
    "everything that may be given",
    {
      ...QUERY,
      run_id: "r1",
      status: "pending",
      user_email: "ada@example.org",
      name: "first",
      labels: { project: "cytokines" },
      config: { max_iterations: 2, datasets: ["kang"], withhold: null },
      control_strategy: "query_as_control",
      random_seed: 7,
    },
  ],
  ["fields of the program's own", { ...QUERY, theirs: { a: 1 } }],
  ["no question", { run_id: "r1", status: "pending" }],
  ["a question that is no text", { query: 5 }],
  ["too many iterations", { ...QUERY, config: { max_iterations: 99 } }],
  ["an unknown strategy", { ...QUERY, control_strategy: "none" }],
  ["a label that is none", { ...QUERY, labels: { "a.b": "c" } }],
  [
    "too many labels",
    {
      ...QUERY,
      labels: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`l${at}`, "v"])),
    },
  ],
  ["a seed that is none", { ...QUERY, random_seed: -1 }],
  ["an address that is no text", { ...QUERY, user_email: 7 }],
  ["an id that is no text", { ...QUERY, run_id: 7 }],
])("schema and daemon agree on %s", async (_, value) => {
  const takes = await validator(insertedRunSchema());
  const { document } = completeOutsideRun({ _id: "r1", ...value }, 1_800_000_000_000);
  expect(await takes(value)).toBe(document.status === "pending");
});

test("what the daemon itself writes keeps to the schema that MongoDB is given", async () => {
  const takes = await validator(storedRunSchema());
  for (const document of [
    run("r1"),
    completedRun(run("r1")),
    failedRun(run("r1"), "QUESTION_NOT_UNDERSTOOD", "Ask again."),
  ])
    expect(await takes(document)).toBe(true);
  expect(await takes({ ...run("r1"), status: "done" })).toBe(false);
});

/** https://www.mongodb.com/docs/manual/reference/operator/query/jsonSchema/ */
const OF_MONGODB = new Set(
  "additionalItems additionalProperties allOf anyOf bsonType dependencies description enum exclusiveMaximum exclusiveMinimum items maximum maxItems maxLength maxProperties minimum minItems minLength minProperties multipleOf not oneOf pattern patternProperties properties required title type uniqueItems".split(
    " ",
  ),
);

test("MongoDB knows every keyword, and every type, of its command", () => {
  const { validator: given, ...command } = SCHEMA_FILES["docs/run.mongodb.json"]!() as {
    validator: { $jsonSchema: object };
  };
  expect(command).toEqual({
    collMod: "runs",
    validationLevel: "moderate",
    validationAction: "error",
  });
  const walk = (schema: unknown): void => {
    if (Array.isArray(schema)) return schema.forEach(walk);
    if (typeof schema !== "object" || schema === null) return;
    for (const [keyword, value] of Object.entries(schema)) {
      expect(OF_MONGODB).toContain(keyword);
      if (keyword === "type") expect(JSON.stringify(value)).not.toContain("integer");
      // In MongoDB these two are flags.
      if (keyword.startsWith("exclusive")) expect(value).toEqual(expect.any(Boolean));
      if (keyword === "properties") Object.values(value as object).forEach(walk);
      else if (keyword !== "enum") walk(value);
    }
  };
  walk(given.$jsonSchema);
});
