/** A JSON schema, as far as bounds are concerned. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly maxProperties?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** What a whole number may be for want of a bound. */
const SAFE = Number.MAX_SAFE_INTEGER;
const isBound = (limit: number | undefined): boolean =>
  limit !== undefined && Math.abs(limit) < SAFE;

/** Where the schema takes texts, lists, tables or numbers of any size, as paths with what is missing. */
export function unbounded(
  schema: JsonSchema,
  path: string,
  root: JsonSchema = schema,
  isPartOfAll = false,
): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    const meant = root.$defs?.[name];
    return meant === undefined
      ? [`${path}: refers to ${schema.$ref}`]
      : unbounded(meant, path, root, isPartOfAll);
  }
  if (schema.enum !== undefined || schema.const !== undefined) return [];
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const found = choices.flatMap((part, at) => unbounded(part, `${path}|${at}`, root));
  // Of parts that hold together, each may say one thing.
  for (const part of schema.allOf ?? []) found.push(...unbounded(part, path, root, true));
  const types = [schema.type ?? []].flat();
  const isOf = (...names: string[]): boolean => types.some((type) => names.includes(type));
  if (types.length === 0 && choices.length === 0 && schema.allOf === undefined && !isPartOfAll)
    found.push(`${path}: anything`);
  if (isOf("string") && !isBound(schema.maxLength)) found.push(`${path}: a text of any length`);
  if (
    isOf("number", "integer") &&
    !(
      (isBound(schema.minimum) || isBound(schema.exclusiveMinimum)) &&
      (isBound(schema.maximum) || isBound(schema.exclusiveMaximum))
    )
  )
    found.push(`${path}: any number`);
  if (isOf("array")) {
    if (schema.prefixItems === undefined && !isBound(schema.maxItems))
      found.push(`${path}: a list of any length`);
    for (const part of [schema.prefixItems ?? [], schema.items ?? []].flat())
      found.push(...unbounded(part, `${path}[]`, root));
  }
  if (isOf("object")) {
    for (const [name, part] of Object.entries(schema.properties ?? {}))
      found.push(...unbounded(part, `${path}.${name}`, root));
    const { additionalProperties: others } = schema;
    if (others === true || (typeof others === "object" && !isBound(schema.maxProperties)))
      found.push(`${path}: a table of any size`);
    if (typeof others === "object") found.push(...unbounded(others, `${path}.*`, root));
    if (schema.propertyNames !== undefined)
      found.push(...unbounded(schema.propertyNames, `${path} (names)`, root));
  }
  return found;
}
