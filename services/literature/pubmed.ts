import { createHash } from "node:crypto";
import { z } from "zod";
import type { HaystackError } from "../../errors.ts";
import { folderCache } from "../http/answer-cache.ts";
import { ServiceTrouble, guardedClient } from "../http/guarded-client.ts";
import { sharedPace } from "../http/shared-pace.ts";
import type {
  Article,
  LiteratureArticles,
  LiteratureRequest,
  LiteratureService,
  LiteratureSubject,
} from "./index.ts";
import { reportedDirection } from "./reported-direction.ts";
import { given } from "../../given.ts";

/** PubMed by the NCBI E-utilities: esearch finds the articles, esummary gives their titles. */

export interface PubmedOptions {
  readonly baseUrl: string;
  /** With a key NCBI allows 10 requests a second, without one 3. */
  readonly apiKey?: string;
  /** NCBI asks for a name and address of who calls. */
  readonly email?: string;
  /** By it the processes of this machine keep the rate together. */
  readonly rateFile: string;
  readonly cacheFolder: string;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Told once that answers cannot be kept, until they can. */
  readonly onTrouble?: ((trouble: HaystackError) => void) | undefined;
  /** For tests; the defaults suit NCBI. */
  readonly guard?: {
    readonly attempts?: number;
    readonly firstBackoffMs?: number;
    readonly failuresToOpen?: number;
    readonly openMs?: number;
    readonly requestsPerSecond?: number;
  };
}

const ARTICLES = 20;
const CITATIONS = 5;
const TITLES_PER_REQUEST = 200;
const SYNONYMS = 6;

const idSchema = z.string().regex(/^\d{1,12}$/);
const searchSchema = z.object({
  esearchresult: z.object({
    count: z.coerce.number().int().min(0),
    idlist: z.array(idSchema),
    ERROR: z.never().optional(),
  }),
});
const summarySchema = z.object({ result: z.record(z.string(), z.unknown()) });
const summarySchemaOfOne = z.object({
  title: z.string().max(5_000),
  pubdate: z.string().optional(),
});
type Summary = z.infer<typeof summarySchemaOfOne>;

export function pubmedLiterature(options: PubmedOptions): LiteratureService {
  const client = guardedClient({
    service: "PubMed",
    rate: sharedPace({
      file: options.rateFile,
      name: `ncbi ${options.apiKey === undefined ? "without a key" : createHash("sha256").update(options.apiKey).digest("hex")}`,
      perSecond: options.guard?.requestsPerSecond ?? (options.apiKey === undefined ? 3 : 10),
      now: options.now,
    }),
    timeoutMs: options.timeoutMs,
    attempts: options.guard?.attempts ?? 4,
    firstBackoffMs: options.guard?.firstBackoffMs ?? 1_000,
    failuresToOpen: options.guard?.failuresToOpen ?? 3,
    openMs: options.guard?.openMs ?? 60_000,
    cache: folderCache({
      folder: options.cacheFolder,
      maxAgeMs: options.cacheMs,
      now: options.now,
      onTrouble: options.onTrouble,
    }),
  });
  const base = options.baseUrl.endsWith("/") ? options.baseUrl : `${options.baseUrl}/`;
  const secret = {
    tool: "haystack",
    ...given({ email: options.email, api_key: options.apiKey }),
  };

  const address = (program: string, parameters: Readonly<Record<string, string>>): URL => {
    const url = new URL(`${program}.fcgi`, base);
    url.search = new URLSearchParams({ db: "pubmed", retmode: "json", ...parameters }).toString();
    return url;
  };

  async function find(
    term: string,
    most: number,
    signal?: AbortSignal,
  ): Promise<{ readonly articles: number; readonly ids: readonly string[] }> {
    const url = address("esearch", { term, retmax: String(most), sort: "relevance" });
    const { esearchresult } = await client.getJson({ url, secret, schema: searchSchema }, signal);
    return { articles: esearchresult.count, ids: esearchresult.idlist.slice(0, most) };
  }

  async function summariesOf(
    ids: readonly string[],
    signal?: AbortSignal,
  ): Promise<Map<string, Summary>> {
    const summaries = new Map<string, Summary>();
    for (let from = 0; from < ids.length; from += TITLES_PER_REQUEST) {
      const url = address("esummary", { id: ids.slice(from, from + TITLES_PER_REQUEST).join(",") });
      const { result } = await client.getJson({ url, secret, schema: summarySchema }, signal);
      for (const [id, entry] of Object.entries(result)) {
        const parsed = summarySchemaOfOne.safeParse(entry);
        if (parsed.success) summaries.set(id, parsed.data);
      }
    }
    return summaries;
  }

  async function orUnavailable<Answer>(work: () => Promise<Answer>, signal?: AbortSignal) {
    try {
      return await work();
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof ServiceTrouble)) throw thrown;
      return {
        status: "unavailable" as const,
        reason: `The literature could not be searched: ${thrown.message}.`,
      };
    }
  }

  return {
    search: (request, signal) =>
      orUnavailable(async () => {
        const found: { subject: LiteratureSubject; articles: number; ids: readonly string[] }[] =
          [];
        for (const subject of request.subjects)
          found.push({ subject, ...(await find(searchTerm(request, subject), ARTICLES, signal)) });
        const summaries = await summariesOf(
          [...new Set(found.flatMap(({ ids }) => ids))].toSorted(),
          signal,
        );
        return {
          status: "searched" as const,
          findings: found.map(({ subject, articles, ids }) =>
            describe(subject, articles, ids, summaries),
          ),
        };
      }, signal),
    articles: ({ perturbation, cellType, most }, signal) =>
      orUnavailable(async () => {
        if (searchable(perturbation).length === 0 || searchable(cellType).length === 0)
          return { status: "searched" as const, articles: [] };
        const { ids } = await find(`${anyOf(perturbation)} AND ${anyOf(cellType)}`, most, signal);
        const summaries = await summariesOf(ids, signal);
        return {
          status: "searched" as const,
          articles: ids.flatMap((id) => articleOf(id, summaries.get(id))),
        };
      }, signal),
  };
}

function articleOf(pmid: string, summary: Summary | undefined): Article[] {
  const title = plainTitle(summary?.title ?? "");
  const year = /^\d{4}/.exec(summary?.pubdate ?? "")?.[0];
  return title === "" ? [] : [{ pmid, title, year: year === undefined ? null : Number(year) }];
}

/** Without mark-up ("<i>in vitro</i>") and what cannot be printed. */
function plainTitle(title: string): string {
  return title
    .replaceAll(/<[^>]{0,20}>/gu, "")
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
}

function describe(
  subject: LiteratureSubject,
  articles: number,
  ids: readonly string[],
  summaries: ReadonlyMap<string, Summary>,
): LiteratureArticles {
  const read = ids.map((id) => ({
    id,
    direction: reportedDirection(summaries.get(id)?.title ?? "", subject.name),
  }));
  const say = (direction: "up" | "down") =>
    read.filter((article) => article.direction === direction);
  const [up, down] = [say("up"), say("down")];
  const direction = up.length === down.length ? null : up.length > down.length ? "up" : "down";
  const behind = direction === null ? read : direction === "up" ? up : down;
  return {
    ...subject,
    articles,
    direction,
    citations: behind.slice(0, CITATIONS).map(({ id }) => `PMID:${id}`),
  };
}

/** Both names in title or abstract. */
function searchTerm({ perturbation }: LiteratureRequest, { name }: LiteratureSubject): string {
  return `${anyOf([perturbation.name, ...perturbation.synonyms])} AND ${quoted(name)}`;
}

function anyOf(names: readonly string[]): string {
  return `(${searchable(names).map(quoted).join(" OR ")})`;
}

function searchable(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((text) => /[\p{L}\p{N}]{2}/u.test(text)).slice(0, SYNONYMS + 1);
}

/** Quotes, brackets and operators cannot leave the quoted name. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\p{L}\p{N}+./-]+/gu, " ").trim()}"[tiab]`;
}
