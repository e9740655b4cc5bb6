import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { ADA, pastRun } from "../server/api-harness.ts";
import { describeInCloud, startCloud } from "../support/cloud.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";

const SECONDS = 120;
const CONTENTS = { anndata: "cells", report: "<p>report</p>", log: "{}" } as const;

describeInCloud("the links of a result in a bucket", () => {
  test("are signed, short-lived, and deliver the files to anyone who has them", async () => {
    const cloud = await startCloud();
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const key = join(await temporaryFolder(), "key.json");
    await writeFile(
      key,
      JSON.stringify({
        type: "service_account",
        client_email: "haystack@p.iam.gserviceaccount.com",
        private_key: privateKey,
      }),
    );
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", key);
    onTestFinished(() => void vi.unstubAllEnvs());
    const server = await startTestServer({
      env: { ...cloud.environment, SIGNED_URL_SECONDS: String(SECONDS) },
    });
    const iteration = {
      iteration: 1,
      prompt_strategy: "direct" as const,
      prompt_rationale: "",
      candidate_id: "c",
      prompt_cells: 20,
      query_cells: 20,
      score: 8,
      component_scores: {},
      confidence: "normal" as const,
      feedback: [],
      top_genes: [],
      enriched_pathways: [],
    };
    await server.daemon.runs.insert(
      pastRun("run-a", ADA, { iterations: [iteration], delivered_iteration: 1 }),
      { owner: "elsewhere", expires_at: Date.now() + 600_000 },
    );
    const paths = resultObjects("run-a");
    for (const kind of ["anndata", "report", "log"] as const)
      await server.daemon.objects.putText(paths[kind], CONTENTS[kind]);

    const answer = await fetch(`${server.url}/api/v1/runs/run-a/result`);
    const { files } = (await answer.json()) as {
      files: { kind: keyof typeof CONTENTS; url: string; expires_at: string; bytes: number }[];
    };
    expect(new Set(files.map(({ kind }) => kind))).toEqual(new Set(Object.keys(CONTENTS)));
    for (const { kind, url, expires_at, bytes } of files) {
      const link = new URL(url);
      const lives = Number(link.searchParams.get("X-Goog-Expires"));
      expect([
        link.origin,
        link.searchParams.get("X-Goog-Algorithm"),
        link.searchParams.get("X-Goog-Credential"),
      ]).toEqual([cloud.gcs.url, "GOOG4-RSA-SHA256", expect.stringMatching(/^haystack@p/)]);
      expect(link.searchParams.get("X-Goog-Signature")).toMatch(/^[0-9a-f]{512}$/);
      expect(lives).toBeGreaterThan(SECONDS / 2);
      expect(lives).toBeLessThanOrEqual(SECONDS);
      expect(Date.parse(expires_at)).toBeLessThanOrEqual(Date.now() + SECONDS * 1_000);
      const delivered = await fetch(url);
      expect([delivered.status, await delivered.text(), bytes]).toEqual([
        200,
        CONTENTS[kind],
        CONTENTS[kind].length,
      ]);
    }
  });
});
