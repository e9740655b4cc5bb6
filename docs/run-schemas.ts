import { z } from "zod";
import { outsideSchema } from "../services/runs/outside.ts";
import { RUN_STATUSES, runConfigSchema } from "../services/runs/document.ts";

type Schema = { readonly [keyword: string]: unknown };

const WHAT =
  "A run as another program inserts it into the collection `runs`. What is left out gets its default; without run_id the _id names the run.";

/** What may be inserted, of the fields that are looked at. */
const inserted = outsideSchema.extend({
  status: z.literal("pending").nullish(),
  config: runConfigSchema.nullish(),
});

const jsonSchema = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, {
    io: "input",
    reused: "inline",
    target: "draft-7",
    unrepresentable: "any",
  });

/** Draft 7, of a run that is inserted. */
export function insertedRunSchema(): Schema {
  return {
    ...jsonSchema(inserted),
    title: "Run",
    description: WHAT,
  };
}

/** What the stored run keeps to as well, whoever wrote it last. */
const stored = inserted.extend({ status: z.enum(RUN_STATUSES).nullish() });

export const storedRunSchema = (): Schema => jsonSchema(stored);

/** Keywords of JSON Schema that MongoDB refuses; what they say is left to the daemon. */
const UNKNOWN_TO_MONGODB = new Set(["$schema", "$id", "default", "format", "propertyNames"]);

function ofMongodb(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(ofMongodb);
  if (typeof schema !== "object" || schema === null) return schema;
  const { type, const: constant, ...rest } = schema as Schema;
  const converted = Object.entries(rest)
    .filter(([keyword]) => !UNKNOWN_TO_MONGODB.has(keyword))
    .map(([keyword, value]): [string, unknown] => [
      keyword,
      keyword === "properties"
        ? Object.fromEntries(
            Object.entries(value as Schema).map(([name, part]) => [name, ofMongodb(part)]),
          )
        : ofMongodb(value),
    ]);
  return {
    ...(type === undefined
      ? {}
      : type === "integer"
        ? // Drivers write whole numbers as any of these.
          { bsonType: ["int", "long", "double"], multipleOf: 1 }
        : { type }),
    ...(constant === undefined ? {} : { enum: [constant] }),
    ...Object.fromEntries(converted),
  };
}

/** The command that has a MongoDB server refuse what the daemon would. */
export const mongodbCommand = (): Schema => ({
  collMod: "runs",
  validator: { $jsonSchema: ofMongodb(storedRunSchema()) },
  validationLevel: "moderate",
  validationAction: "error",
});

export const SCHEMA_FILES: Readonly<Record<string, () => Schema>> = {
  "docs/run.schema.json": insertedRunSchema,
  "docs/run.mongodb.json": mongodbCommand,
};
