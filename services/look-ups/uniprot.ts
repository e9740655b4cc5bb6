import { z } from "zod";
import { folderCache } from "../http/answer-cache.ts";
import { ServiceTrouble, guardedClient } from "../http/guarded-client.ts";
import type { GeneFacts, GeneLookUps } from "./index.ts";

/** Human proteins by gene symbol from UniProt, and their pathways from Reactome's content service. */

export interface UniprotOptions {
  readonly uniprotUrl: string;
  /** Without it no pathways are looked up. */
  readonly reactomeUrl?: string;
  readonly cacheFolder: string;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** For tests; the defaults suit the public servers. */
  readonly guard?: { readonly attempts?: number; readonly firstBackoffMs?: number; readonly requestsPerSecond?: number };
}

const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9.-]{0,29}$/;
const HUMAN = "9606";
const MOST_PATHWAYS = 40;
const LONGEST_FUNCTION = 1_500;

const valueSchema = z.object({ value: z.string() });
const entrySchema = z.object({
  primaryAccession: z.string().regex(/^[A-Z0-9]{6,10}$/),
  genes: z.array(z.object({ geneName: valueSchema })).min(1),
  proteinDescription: z.object({ recommendedName: z.object({ fullName: valueSchema }) }),
  comments: z.array(z.object({ commentType: z.string(), texts: z.array(valueSchema).optional() })).optional(),
});
const searchSchema = z.object({ results: z.array(entrySchema) });
const pathwaysSchema = z.array(z.object({ stId: z.string(), displayName: z.string() }));

export function uniprotLookUps(options: UniprotOptions): GeneLookUps {
  const cache = folderCache({ folder: options.cacheFolder, maxAgeMs: options.cacheMs, now: options.now });
  const clientOf = (service: string) =>
    guardedClient({
      service,
      requestsPerSecond: options.guard?.requestsPerSecond ?? 3,
      timeoutMs: options.timeoutMs,
      attempts: options.guard?.attempts ?? 3,
      firstBackoffMs: options.guard?.firstBackoffMs ?? 1_000,
      failuresToOpen: 3,
      openMs: 60_000,
      cache,
    });
  const uniprot = clientOf("UniProt");
  const reactome = clientOf("Reactome");
  const under = (base: string, path: string): URL => new URL(path, base.endsWith("/") ? base : `${base}/`);

  async function pathwaysOf(accession: string, signal?: AbortSignal): Promise<GeneFacts["pathways"]> {
    if (options.reactomeUrl === undefined) return [];
    const url = under(options.reactomeUrl, `data/mapping/UniProt/${accession}/pathways`);
    url.search = new URLSearchParams({ species: HUMAN }).toString();
    const found = await reactome.getJson({ url, secret: {}, schema: pathwaysSchema }, signal);
    return found.slice(0, MOST_PATHWAYS).map(({ stId, displayName }) => ({ id: stId, name: displayName }));
  }

  return {
    async gene(symbol, signal) {
      if (!SYMBOL.test(symbol)) return { status: "unknown" };
      const url = under(options.uniprotUrl, "uniprotkb/search");
      url.search = new URLSearchParams({ query: `(gene_exact:${symbol}) AND (organism_id:${HUMAN}) AND (reviewed:true)`, fields: "accession,gene_names,protein_name,cc_function", format: "json", size: "1" }).toString();
      try {
        const { results } = await uniprot.getJson({ url, secret: {}, schema: searchSchema }, signal);
        const [entry] = results;
        if (entry === undefined) return { status: "unknown" };
        const { primaryAccession: accession, comments = [] } = entry;
        const pathways = await pathwaysOf(accession, signal);
        return {
          status: "found",
          facts: {
            symbol: entry.genes[0]?.geneName.value ?? symbol,
            protein: entry.proteinDescription.recommendedName.fullName.value,
            accession,
            function: comments.filter(({ commentType }) => commentType === "FUNCTION").flatMap(({ texts = [] }) => texts.map(({ value }) => value)).join(" ").slice(0, LONGEST_FUNCTION),
            pathways,
            source: `UniProt ${accession}${options.reactomeUrl === undefined ? "" : ", Reactome"}`,
          },
        };
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof ServiceTrouble)) throw thrown;
        return { status: "unavailable", reason: `The gene could not be looked up: ${thrown.message}.` };
      }
    },
  };
}
