import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { uniprotLookUps } from "../../services/look-ups/uniprot.ts";

const ENTRY = {
  primaryAccession: "P05161",
  genes: [{ geneName: { value: "ISG15" } }],
  proteinDescription: { recommendedName: { fullName: { value: "Ubiquitin-like protein ISG15" } } },
  comments: [{ commentType: "FUNCTION", texts: [{ value: "Ubiquitin-like protein." }] }, { commentType: "TISSUE SPECIFICITY" }],
};

describe("genes in public databases", () => {
  let folder: string;
  let server: Server;
  let asked: URL[];
  let status: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-look-ups-"));
    asked = [];
    status = 200;
    server = createServer((request, response) => {
      const url = new URL(request.url ?? "", "http://localhost");
      asked.push(url);
      response.statusCode = status;
      if (url.pathname.startsWith("/uniprot/")) response.end(JSON.stringify({ results: url.searchParams.get("query")?.includes("gene_exact:ISG15)") === true ? [ENTRY] : [] }));
      else response.end(JSON.stringify([{ stId: "R-HSA-1169408", displayName: "ISG15 antiviral mechanism", schemaClass: "Pathway" }]));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await rm(folder, { recursive: true, force: true });
  });

  const lookUps = (withReactome = true) => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return uniprotLookUps({
      uniprotUrl: `${base}/uniprot`, ...(withReactome ? { reactomeUrl: `${base}/reactome` } : {}),
      cacheFolder: folder, cacheMs: 1_000, timeoutMs: 5_000, now: () => 0, guard: { requestsPerSecond: 1_000, attempts: 1, firstBackoffMs: 1 },
    });
  };

  test("gives protein, function and pathways with their source, and asks once", async () => {
    const answer = {
      status: "found",
      facts: {
        symbol: "ISG15", protein: "Ubiquitin-like protein ISG15", accession: "P05161", function: "Ubiquitin-like protein.",
        pathways: [{ id: "R-HSA-1169408", name: "ISG15 antiviral mechanism" }], source: "UniProt P05161, Reactome",
      },
    };
    expect(await lookUps().gene("ISG15")).toEqual(answer);
    expect(asked.map(({ pathname }) => pathname)).toEqual(["/uniprot/uniprotkb/search", "/reactome/data/mapping/UniProt/P05161/pathways"]);
    expect(await lookUps().gene("ISG15")).toEqual(answer);
    expect(asked).toHaveLength(2);
    expect(await lookUps(false).gene("ISG15")).toMatchObject({ facts: { pathways: [], source: "UniProt P05161" } });
  });

  test("a gene that is none is unknown; what is no symbol is not sent", async () => {
    expect(await lookUps().gene("NOGENE")).toEqual({ status: "unknown" });
    expect(await lookUps().gene("ISG15) OR (organism_id:10090")).toEqual({ status: "unknown" });
    expect(asked).toHaveLength(1);
  });

  test("trouble is an answer", async () => {
    status = 500;
    expect(await lookUps().gene("ISG15")).toEqual({ status: "unavailable", reason: "The gene could not be looked up: UniProt answered with HTTP status 500." });
  });
});
