import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A local server that speaks as UniProt, Reactome and KEGG do, under /uniprot, /reactome and /kegg.
 * It knows the gene ISG15.
 */

export interface GeneDatabases {
  readonly baseUrl: string;
  /** Paths asked for, each under its database. */
  readonly asked: string[];
  /** Databases that answer with HTTP status 500. */
  readonly down: Set<"uniprot" | "reactome" | "kegg">;
  /** KEGG's answers by path; a path that is none gets an empty line, as KEGG sends it. */
  readonly kegg: Map<string, string>;
  close(): Promise<void>;
}

const ENTRY = {
  primaryAccession: "P05161",
  genes: [{ geneName: { value: "ISG15" } }],
  proteinDescription: { recommendedName: { fullName: { value: "Ubiquitin-like protein ISG15" } } },
  comments: [
    { commentType: "FUNCTION", texts: [{ value: "Ubiquitin-like protein." }] },
    { commentType: "TISSUE SPECIFICITY" },
  ],
};

const PATHWAY = {
  stId: "R-HSA-1169408",
  displayName: "ISG15 antiviral mechanism",
  schemaClass: "Pathway",
};

export async function startGeneDatabases(): Promise<GeneDatabases> {
  const asked: string[] = [];
  const down: GeneDatabases["down"] = new Set();
  const kegg = new Map([
    [
      "find/hsa/ISG15",
      "hsa:9246\tUBE2L6, ISG15E2; ubiquitin conjugating enzyme\nhsa:11274\tUSP18, ISG15; ubiquitin specific peptidase\nhsa:9636\tISG15, G1P2, IFI15; ISG15 ubiquitin like modifier\n",
    ],
    ["link/pathway/hsa:9636", "hsa:9636\tpath:hsa04622\nhsa:9636\tpath:hsa05165\n"],
    [
      "list/pathway/hsa",
      "hsa04622\tRIG-I-like receptor signaling pathway - Homo sapiens (human)\nhsa05165\tHuman papillomavirus infection - Homo sapiens (human)\n",
    ],
  ]);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const [, database = "", ...rest] = pathname.split("/");
    asked.push(pathname);
    if ([...down].some((name) => name === database)) response.writeHead(500).end("<html>");
    else if (database === "uniprot")
      response.end(
        JSON.stringify({
          results: searchParams.get("query")?.includes("gene_exact:ISG15)") === true ? [ENTRY] : [],
        }),
      );
    else if (database === "reactome") response.end(JSON.stringify([PATHWAY]));
    else response.end(kegg.get(rest.join("/")) ?? "\n");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    down,
    kegg,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
