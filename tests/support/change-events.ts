import type { Document } from "mongodb";

/** Change events as MongoDB's servers make them, from two looks at a collection. */

const isPlain = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Fields by their path: those inside of a document one by one, an array's new members by their
 * place, another array as a whole.
 */
function updatedFields(before: Document, after: Document, path = ""): [string, unknown][] {
  return Object.entries(after).flatMap(([name, value]): [string, unknown][] => {
    const was: unknown = before[name];
    const at = `${path}${name}`;
    if (same(was, value)) return [];
    if (isPlain(was) && isPlain(value)) return updatedFields(was, value, `${at}.`);
    if (
      Array.isArray(was) &&
      Array.isArray(value) &&
      was.length > 0 &&
      value.length > was.length &&
      same(was, value.slice(0, was.length))
    ) {
      return value
        .slice(was.length)
        .map((member: unknown, index) => [`${at}.${was.length + index}`, member]);
    }
    return [[at, value]];
  });
}

export function changeEvents(
  before: ReadonlyMap<string, Document>,
  after: ReadonlyMap<string, Document>,
): Document[] {
  return [...after].flatMap(([id, document]): Document[] => {
    const was = before.get(id);
    const documentKey = { _id: document["_id"] as unknown };
    if (was === undefined)
      return [{ operationType: "insert", documentKey, fullDocument: document }];
    const removedFields = Object.keys(was).filter((name) => !(name in document));
    const fields = updatedFields(was, document);
    if (fields.length + removedFields.length === 0) return [];
    return [
      {
        operationType: "update",
        documentKey,
        updateDescription: {
          updatedFields: Object.fromEntries(fields),
          removedFields,
          truncatedArrays: [],
        },
      },
    ];
  });
}
