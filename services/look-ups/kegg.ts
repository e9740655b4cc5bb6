import { z } from "zod";
import type { GuardedClient } from "../http/guarded-client.ts";
import type { PathwayDatabase } from "./index.ts";

/**
 * Pathways of a human gene by its symbol, from KEGG's REST service: lines of two columns with a tab
 * between them.
 */

type Row = readonly [key: string, value: string];

const rowsSchema: z.ZodType<readonly Row[]> = z.array(z.tuple([z.string(), z.string()]));

const ROW = /^([^\t]+)\t([^\t]+)$/;
const HUMAN_GENE = /^hsa:\d+$/;
const HUMAN_PATHWAY = /^(?:path:)?(hsa\d{5})$/;
const ORGANISM = / - Homo sapiens \(human\)$/;

/**
 * The rows that `keep` accepts; undefined when the text has lines and none of them is a row, as a
 * page that says something else.
 */
function rowsOf(text: string, keep: (row: Row) => boolean): Row[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const rows = lines.flatMap((line): Row[] => {
    const [, key, value] = ROW.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value]];
  });
  return lines.length > 0 && rows.length === 0 ? undefined : rows.filter(keep);
}

/** `base` ends with a slash. */
export function keggPathways(base: URL, client: GuardedClient): PathwayDatabase {
  const rowsAt = (
    path: string,
    keep: (row: Row) => boolean,
    signal?: AbortSignal,
  ): Promise<readonly Row[]> =>
    client.getText(
      {
        url: new URL(path, base),
        secret: {},
        schema: rowsSchema,
        read: (text) => rowsOf(text, keep),
      },
      signal,
    );
  const pathwayId = (text: string): string | undefined => HUMAN_PATHWAY.exec(text)?.[1];

  return {
    name: "KEGG",
    async pathwaysOf({ symbol }, signal) {
      // Human genes whose names or aliases hold the symbol, as "SYMBOL, ALIAS, ...; name".
      const genes = await rowsAt(
        `find/hsa/${encodeURIComponent(symbol)}`,
        ([id]) => HUMAN_GENE.test(id),
        signal,
      );
      const gene = genes.find(([, names]) => names.split(/[,;]/, 1)[0]?.trim() === symbol);
      if (gene === undefined) return null;
      const links = await rowsAt(
        `link/pathway/${gene[0]}`,
        ([id, pathway]) => id === gene[0] && pathwayId(pathway) !== undefined,
        signal,
      );
      if (links.length === 0) return [];
      const listed = await rowsAt(
        "list/pathway/hsa",
        ([id]) => pathwayId(id) !== undefined,
        signal,
      );
      const names = new Map(
        listed.map(([id, name]) => [pathwayId(id), name.replace(ORGANISM, "")]),
      );
      return links
        .map(([, pathway]) => pathwayId(pathway))
        .flatMap((id) => (id === undefined ? [] : [{ id, name: names.get(id) ?? id }]));
    },
  };
}
