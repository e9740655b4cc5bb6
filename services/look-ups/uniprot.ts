import { z } from "zod";
import type { HaystackError } from "../../errors.ts";
import { folderCache } from "../http/answer-cache.ts";
import { ServiceTrouble, guardedClient } from "../http/guarded-client.ts";
import type { GeneFacts, GeneLookUps, Pathway, PathwayDatabase } from "./index.ts";
import { keggPathways } from "./kegg.ts";
import { reactomePathways } from "./reactome.ts";

/**
 * Human proteins by gene symbol from UniProt, and the pathways that other databases put them in.
 */

export interface UniprotOptions {
  readonly uniprotUrl: string;
  /** A database without an address is not asked. */
  readonly reactomeUrl?: string;
  readonly keggUrl?: string;
  readonly cacheFolder: string;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Told once that answers cannot be kept, until they can. */
  readonly onTrouble?: ((trouble: HaystackError) => void) | undefined;
  /** For tests; the defaults suit the public servers. */
  readonly guard?: {
    readonly attempts?: number;
    readonly firstBackoffMs?: number;
    readonly requestsPerSecond?: number;
  };
}

const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9.-]{0,29}$/;
const HUMAN = "9606";
/** Of one database. */
const MOST_PATHWAYS = 40;
const LONGEST_FUNCTION = 1_500;

const valueSchema = z.object({ value: z.string() });
const entrySchema = z.object({
  primaryAccession: z.string().regex(/^[A-Z0-9]{6,10}$/),
  genes: z.array(z.object({ geneName: valueSchema })).min(1),
  proteinDescription: z.object({ recommendedName: z.object({ fullName: valueSchema }) }),
  comments: z
    .array(z.object({ commentType: z.string(), texts: z.array(valueSchema).optional() }))
    .optional(),
});
const searchSchema = z.object({ results: z.array(entrySchema) });

export function uniprotLookUps(options: UniprotOptions): GeneLookUps {
  const cache = folderCache({
    folder: options.cacheFolder,
    maxAgeMs: options.cacheMs,
    now: options.now,
    onTrouble: options.onTrouble,
  });
  const clientOf = (service: string) =>
    guardedClient({
      service,
      rate: options.guard?.requestsPerSecond ?? 3,
      timeoutMs: options.timeoutMs,
      attempts: options.guard?.attempts ?? 3,
      firstBackoffMs: options.guard?.firstBackoffMs ?? 1_000,
      failuresToOpen: 3,
      openMs: 60_000,
      cache,
    });
  const uniprot = clientOf("UniProt");
  const databases: readonly PathwayDatabase[] = [
    ...(options.reactomeUrl === undefined
      ? []
      : [reactomePathways(folderOf(options.reactomeUrl), clientOf("Reactome"))]),
    ...(options.keggUrl === undefined
      ? []
      : [keggPathways(folderOf(options.keggUrl), clientOf("KEGG"))]),
  ];

  return {
    async gene(symbol, signal) {
      if (!SYMBOL.test(symbol)) return { status: "unknown" };
      const url = new URL("uniprotkb/search", folderOf(options.uniprotUrl));
      url.search = new URLSearchParams({
        query: `(gene_exact:${symbol}) AND (organism_id:${HUMAN}) AND (reviewed:true)`,
        fields: "accession,gene_names,protein_name,cc_function",
        format: "json",
        size: "1",
      }).toString();
      try {
        const { results } = await uniprot.getJson(
          { url, secret: {}, schema: searchSchema },
          signal,
        );
        const [entry] = results;
        if (entry === undefined) return { status: "unknown" };
        const { primaryAccession: accession, comments = [] } = entry;
        const gene = { symbol: entry.genes[0]?.geneName.value ?? symbol, accession };
        const known = (
          await Promise.all(databases.map((database) => answerOf(database, gene, signal)))
        ).filter((answer) => answer !== null);
        return {
          status: "found",
          facts: {
            ...gene,
            protein: entry.proteinDescription.recommendedName.fullName.value,
            function: comments
              .filter(({ commentType }) => commentType === "FUNCTION")
              .flatMap(({ texts = [] }) => texts.map(({ value }) => value))
              .join(" ")
              .slice(0, LONGEST_FUNCTION),
            pathways: known.flatMap(({ pathways }) => pathways.slice(0, MOST_PATHWAYS)),
            source: [`UniProt ${accession}`, ...known.map(({ name }) => name)].join(", "),
          },
        };
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof ServiceTrouble)) throw thrown;
        return {
          status: "unavailable",
          reason: `The gene could not be looked up: ${thrown.message}.`,
        };
      }
    },
  };
}

const folderOf = (address: string): URL => new URL(address.endsWith("/") ? address : `${address}/`);

/**
 * Null also when the database could not be asked: what the others say holds without it, and the
 * source does not name it.
 */
async function answerOf(
  database: PathwayDatabase,
  gene: Pick<GeneFacts, "symbol" | "accession">,
  signal?: AbortSignal,
): Promise<{ readonly name: string; readonly pathways: readonly Pathway[] } | null> {
  try {
    const pathways = await database.pathwaysOf(gene, signal);
    return pathways === null ? null : { name: database.name, pathways };
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!(thrown instanceof ServiceTrouble)) throw thrown;
    return null;
  }
}
