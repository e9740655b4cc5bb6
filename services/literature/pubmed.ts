import { z } from "zod";
import { folderCache } from "../http/answer-cache.ts";
import { ServiceTrouble, guardedClient } from "../http/guarded-client.ts";
import type { LiteratureArticles, LiteratureRequest, LiteratureService, LiteratureSubject } from "./index.ts";
import { reportedDirection } from "./reported-direction.ts";

/** PubMed by the NCBI E-utilities: esearch finds the articles, esummary gives their titles. */

export interface PubmedOptions {
  readonly baseUrl: string;
  /** With a key NCBI allows 10 requests a second, without one 3. */
  readonly apiKey?: string;
  /** NCBI asks for a name and address of who calls. */
  readonly email?: string;
  readonly cacheFolder: string;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** For tests; the defaults suit NCBI. */
  readonly guard?: { readonly attempts?: number; readonly firstBackoffMs?: number; readonly failuresToOpen?: number; readonly openMs?: number; readonly requestsPerSecond?: number };
}

const ARTICLES = 20;
const CITATIONS = 5;
const TITLES_PER_REQUEST = 200;
const SYNONYMS = 6;

const idSchema = z.string().regex(/^\d{1,12}$/);
const searchSchema = z.object({ esearchresult: z.object({ count: z.coerce.number().int().min(0), idlist: z.array(idSchema), ERROR: z.never().optional() }) });
const summarySchema = z.object({ result: z.record(z.string(), z.unknown()) });
const titleSchema = z.object({ title: z.string().max(5_000) });

export function pubmedLiterature(options: PubmedOptions): LiteratureService {
  const client = guardedClient({
    service: "PubMed",
    requestsPerSecond: options.guard?.requestsPerSecond ?? (options.apiKey === undefined ? 3 : 10),
    timeoutMs: options.timeoutMs,
    attempts: options.guard?.attempts ?? 4,
    firstBackoffMs: options.guard?.firstBackoffMs ?? 1_000,
    failuresToOpen: options.guard?.failuresToOpen ?? 3,
    openMs: options.guard?.openMs ?? 60_000,
    cache: folderCache({ folder: options.cacheFolder, maxAgeMs: options.cacheMs, now: options.now }),
  });
  const base = options.baseUrl.endsWith("/") ? options.baseUrl : `${options.baseUrl}/`;
  const secret = { tool: "haystack", ...(options.email === undefined ? {} : { email: options.email }), ...(options.apiKey === undefined ? {} : { api_key: options.apiKey }) };

  const address = (program: string, parameters: Readonly<Record<string, string>>): URL => {
    const url = new URL(`${program}.fcgi`, base);
    url.search = new URLSearchParams({ db: "pubmed", retmode: "json", ...parameters }).toString();
    return url;
  };

  async function titlesOf(ids: readonly string[], signal?: AbortSignal): Promise<Map<string, string>> {
    const titles = new Map<string, string>();
    for (let from = 0; from < ids.length; from += TITLES_PER_REQUEST) {
      const url = address("esummary", { id: ids.slice(from, from + TITLES_PER_REQUEST).join(",") });
      const { result } = await client.getJson({ url, secret, schema: summarySchema }, signal);
      for (const [id, entry] of Object.entries(result)) {
        const parsed = titleSchema.safeParse(entry);
        if (parsed.success) titles.set(id, parsed.data.title);
      }
    }
    return titles;
  }

  return {
    async search(request, signal) {
      try {
        const found: { subject: LiteratureSubject; articles: number; ids: readonly string[] }[] = [];
        for (const subject of request.subjects) {
          const url = address("esearch", { term: searchTerm(request, subject), retmax: String(ARTICLES), sort: "relevance" });
          const { esearchresult } = await client.getJson({ url, secret, schema: searchSchema }, signal);
          found.push({ subject, articles: esearchresult.count, ids: esearchresult.idlist });
        }
        const titles = await titlesOf([...new Set(found.flatMap(({ ids }) => ids))].toSorted(), signal);
        return { status: "searched", findings: found.map(({ subject, articles, ids }) => describe(subject, articles, ids, titles)) };
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof ServiceTrouble)) throw thrown;
        return { status: "unavailable", reason: `The literature could not be searched: ${thrown.message}.` };
      }
    },
  };
}

function describe(subject: LiteratureSubject, articles: number, ids: readonly string[], titles: ReadonlyMap<string, string>): LiteratureArticles {
  const read = ids.map((id) => ({ id, direction: reportedDirection(titles.get(id) ?? "", subject.name) }));
  const say = (direction: "up" | "down") => read.filter((article) => article.direction === direction);
  const [up, down] = [say("up"), say("down")];
  const direction = up.length === down.length ? null : up.length > down.length ? "up" : "down";
  const behind = direction === null ? read : direction === "up" ? up : down;
  return { ...subject, articles, direction, citations: behind.slice(0, CITATIONS).map(({ id }) => `PMID:${id}`) };
}

/** Both names in title or abstract. Quotes, brackets and operators cannot leave the quoted name. */
function searchTerm({ perturbation }: LiteratureRequest, { name }: LiteratureSubject): string {
  const quoted = (text: string): string => `"${text.replaceAll(/[^\p{L}\p{N}+./-]+/gu, " ").trim()}"[tiab]`;
  const names = [...new Set([perturbation.name, ...perturbation.synonyms])].filter((text) => /[\p{L}\p{N}]{2}/u.test(text)).slice(0, SYNONYMS + 1);
  return `(${names.map(quoted).join(" OR ")}) AND ${quoted(name)}`;
}
