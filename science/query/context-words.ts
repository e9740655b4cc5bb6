import { readFileSync } from "node:fs";
import { z } from "zod";
import { ownFile } from "../../own-files.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { Context } from "./structured-query.ts";

/** The words of context.json: species, donor groups, states of cells and the commonest diseases. */

export type Kind = Context["kind"];

const kinds = z.enum(["species", "tissue", "disease", "donor_group", "background"]);
const wordsSchema = z.object({
  terms: z.array(
    z.object({
      kind: kinds,
      name: z.string(),
      id: z.string().nullable(),
      texts: z.array(z.string()).min(1),
    }),
  ),
  /** Behind a name and before cells they say what the cells were given before. */
  treated: z.array(z.string()).transform((list) => new Set(list.map(labelKey))),
});

export interface Origin {
  readonly kind: Kind;
  readonly name: string;
  readonly id: string | null;
}
interface Words {
  readonly byKey: ReadonlyMap<string, Origin>;
  readonly treated: ReadonlySet<string>;
}
let loaded: Words | undefined;

export function originWords(): Words {
  if (loaded !== undefined) return loaded;
  const { terms, treated } = wordsSchema.parse(
    JSON.parse(readFileSync(ownFile("science/query/context.json"), "utf8")),
  );
  const byKey = new Map<string, Origin>();
  for (const { texts, ...origin } of terms)
    for (const text of texts) byKey.set(labelKey(text), origin);
  loaded = { byKey, treated };
  return loaded;
}

export interface Found extends Origin {
  readonly text: string;
  /** Token range [from, to). */
  readonly from: number;
  readonly to: number;
}
