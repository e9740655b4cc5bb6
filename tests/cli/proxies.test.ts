import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished, expect, test } from "vitest";
import { proxyVariables } from "../../cli/proxies.ts";
import { haystack } from "../support/command-line.ts";
import { doctor } from "../support/doctor.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startModelServer } from "../support/model-server.ts";
import { startProxy } from "../support/proxy-server.ts";
import { startPubmed } from "../support/pubmed-server.ts";
import { SENDGRID_KEY, startSendgrid } from "../support/sendgrid-server.ts";

/** Names that are nowhere but at the proxy. */
async function behindProxy() {
  const [model, mail, pubmed] = [
    await startModelServer(),
    await startSendgrid(),
    await startPubmed([]),
  ];
  onTestFinished(() => pubmed.close());
  model.models.add("gpt-6.1-terra").add("text-embedding-3-small");
  const proxy = await startProxy({
    "model.example": model.baseURL,
    "mail.example": mail.baseUrl,
    "ncbi.example": pubmed.baseUrl,
  });
  return {
    proxy,
    env: {
      OPENAI_API_KEY: "sk",
      OPENAI_BASE_URL: `http://model.example${new URL(model.baseURL).pathname}`,
      SENDGRID_API_KEY: SENDGRID_KEY,
      SENDGRID_BASE_URL: `http://mail.example${new URL(mail.baseUrl).pathname}`,
      MAIL_FROM: "haystack@example.org",
      LITERATURE: "pubmed",
      NCBI_BASE_URL: `http://ncbi.example${new URL(pubmed.baseUrl).pathname}`,
    },
  };
}

test.each([
  ["HTTP_PROXY", "HTTPS_PROXY"],
  ["http_proxy", "https_proxy"],
])("the language model, PubMed and the mail service are reached through %s", async (...names) => {
  const { proxy, env } = await behindProxy();
  const { found } = await doctor({
    ...env,
    ...Object.fromEntries(names.map((name) => [name, proxy.address])),
  });
  expect([found["language model"]?.[0], found["mail"]?.[0], found["literature"]?.[0]]).toEqual([
    "ok",
    "ok",
    "ok",
  ]);
  const hosts = new Set(proxy.asked.map((line) => line.split(" ")[1]));
  expect(hosts).toEqual(new Set(["model.example", "mail.example", "ncbi.example"]));
});

test("Google's clients are too, and what NO_PROXY names is not", async () => {
  const { proxy, env } = await behindProxy();
  const { found } = await doctor({
    ...env,
    HTTPS_PROXY: proxy.address,
    HTTP_PROXY: proxy.address,
    NO_PROXY: "127.0.0.2",
    OPENAI_BASE_URL: "http://127.0.0.2:9/v1",
    BATCH_PROJECT: "p",
    BATCH_IMAGE: "worker:1",
    GCS_BUCKET: "b",
    GCS_ENDPOINT: "http://storage.example",
    PUBSUB_TOPIC: "topic",
    PUBSUB_SUBSCRIPTION: "subscription",
    PUBSUB_EMULATOR_HOST: "pubsub.example:443",
  });
  expect(found["language model"]?.[0]).toBe("problem");
  // What the check of Batch comes to only where Pub/Sub answers. A key of one's own needs no token.
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
  await promisify(execFile)(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `import { useProxies } from "./cli/proxies.ts";
      import { googleBatchJobs } from "./services/batch/google/jobs.ts";
      useProxies();
      const place = { project: "p", location: "us-central1", patienceMs: 5_000 };
      await googleBatchJobs(place).check(AbortSignal.timeout(60_000)).catch(() => undefined);
      process.exit(0);`,
    ],
    { env: { ...process.env, HTTPS_PROXY: proxy.address, GOOGLE_APPLICATION_CREDENTIALS: key } },
  );
  const hosts = new Set(proxy.asked.map((line) => line.split(" ")[1]));
  expect(hosts).toEqual(
    new Set([
      "mail.example",
      "ncbi.example",
      "storage.example",
      "batch.googleapis.com",
      "pubsub.example",
    ]),
  );
});

test("a proxy that is none is refused", async () => {
  const { code, stderr } = await haystack(["config", "--data-dir", await temporaryFolder()], {
    env: { HTTPS_PROXY: "proxy:3128", http_proxy: "ftp://proxy" },
  });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/HTTP_PROXY \(must be an address.*HTTPS_PROXY \(must be an address/),
  ]);
});

test("this machine and Google's metadata server are never asked for through a proxy", () => {
  const exceptions =
    "db.example,localhost,127.0.0.1,::1,[::1],metadata.google.internal,169.254.169.254";
  expect(proxyVariables({ https_proxy: "http://127.0.0.1:1", NO_PROXY: "db.example" })).toEqual({
    https_proxy: "http://127.0.0.1:1",
    HTTPS_PROXY: "http://127.0.0.1:1",
    NO_PROXY: exceptions,
    no_proxy: exceptions,
  });
  expect(proxyVariables({ NO_PROXY: "db.example", HTTPS_PROXY: "" })).toBeUndefined();
});
