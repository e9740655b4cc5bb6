import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A local server that speaks the NCBI E-utilities in JSON: esearch over the articles given,
 * esummary for their titles.
 */

export interface Article {
  readonly id: string;
  readonly title: string;
  /** As PubMed writes it: "2019 Mar 5". */
  readonly pubdate?: string;
  /** Names that esearch finds it by: all of the quoted names joined by AND must be among them. */
  readonly about: readonly string[];
}

/** What the server does with the next request in place of answering. */
export type Fault =
  | { readonly status: number; readonly retryAfter?: string }
  | "malformed"
  | "silent"
  | "other shape";

export interface PubmedServer {
  readonly baseUrl: string;
  readonly requests: {
    readonly path: string;
    readonly parameters: URLSearchParams;
    readonly at: number;
  }[];
  /** Resolves when so many requests have come. */
  arrived(count: number): Promise<void>;
  /** Faults for the coming requests, one each. */
  readonly faults: Fault[];
  close(): Promise<void>;
}

export async function startPubmed(articles: readonly Article[]): Promise<PubmedServer> {
  const requests: PubmedServer["requests"][number][] = [];
  const faults: Fault[] = [];
  let waiters: { readonly count: number; resolve(): void }[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    requests.push({ path: pathname, parameters: searchParams, at: performance.now() });
    for (const { count, resolve } of waiters) if (requests.length >= count) resolve();
    waiters = waiters.filter(({ count }) => requests.length < count);
    const fault = faults.shift();
    if (fault === "silent") return;
    if (fault !== undefined) {
      misbehave(fault, response);
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify(
        pathname.endsWith("/esearch.fcgi")
          ? search(articles, searchParams)
          : summary(articles, searchParams),
      ),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/entrez/eutils`,
    requests,
    arrived: (count) =>
      new Promise((resolve) =>
        requests.length >= count ? resolve() : waiters.push({ count, resolve }),
      ),
    faults,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function misbehave(fault: Exclude<Fault, "silent">, response: ServerResponse): void {
  if (fault === "malformed") response.end('{"esearchresult": {"count": ');
  else if (fault === "other shape")
    response.end('{"esearchresult": {"ERROR": "Search Backend failed", "count": "many"}}');
  else
    response
      .writeHead(
        fault.status,
        fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter },
      )
      .end("busy");
}

function search(articles: readonly Article[], parameters: URLSearchParams) {
  const clauses = (parameters.get("term") ?? "")
    .split(" AND ")
    .map((clause) =>
      [...clause.matchAll(/"([^"]*)"\[tiab\]/g)].map(([, name = ""]) => name.toLowerCase()),
    );
  const found = articles.filter(({ about }) =>
    clauses.every((names) => names.some((name) => about.some((one) => one.toLowerCase() === name))),
  );
  return {
    header: { type: "esearch", version: "0.3" },
    esearchresult: {
      count: String(found.length),
      retmax: parameters.get("retmax"),
      retstart: "0",
      idlist: found.map(({ id }) => id).slice(0, Number(parameters.get("retmax"))),
    },
  };
}

function summary(articles: readonly Article[], parameters: URLSearchParams) {
  const ids = (parameters.get("id") ?? "").split(",");
  const entries = ids.map((id) => {
    const { title = "", pubdate } = articles.find((article) => article.id === id) ?? {};
    return [id, { uid: id, title, ...(pubdate === undefined ? {} : { pubdate }) }] as const;
  });
  return {
    header: { type: "esummary", version: "0.3" },
    result: { uids: ids, ...Object.fromEntries(entries) },
  };
}
