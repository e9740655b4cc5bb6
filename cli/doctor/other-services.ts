import { z } from "zod";
import { openModel } from "../../adapters/language-model.ts";
import { clock } from "../../adapters/clock.ts";
import { openLiterature } from "../../adapters/literature.ts";
import { openLookUps } from "../../adapters/look-ups.ts";
import { openMail } from "../../adapters/mail.ts";
import { type Config, listed } from "../../config.ts";
import { endOf } from "../../adapters/model-ends.ts";
import { advice, type Check, ok, problem } from "./check.ts";

/** An answer that was kept says nothing of today. */
const asking = (config: Config): Config => ({ ...config, LITERATURE_CACHE_DAYS: 0 });

const mail: Check = async (config, signal) => {
  const service = await openMail(config, clock);
  try {
    await service.check?.(signal);
  } finally {
    await service.close();
  }
  const { MAIL_FROM, SENDGRID_API_KEY, SENDGRID_SANDBOX, dataDir } = config;
  if (SENDGRID_API_KEY === undefined) return ok(`.eml files in ${dataDir}/mail, from ${MAIL_FROM}`);
  return SENDGRID_SANDBOX
    ? advice(`SendGrid's sandbox delivers nothing; from ${MAIL_FROM}`)
    : ok(`SendGrid accepts mail with this key, from ${MAIL_FROM}`);
};

const languageModel: Check = async (config, signal) => {
  const agent = await openModel(config, clock);
  if (agent === undefined)
    return advice(
      "none: rules and curated knowledge interpret questions; set OPENAI_API_KEY to use a language model",
    );
  const found = await agent.model.check?.(signal);
  const ends = (found?.models ?? []).flatMap((lifetime) => endOf(lifetime, clock.now()) ?? []);
  if (ends.length > 0)
    return (ends.some(({ isOver }) => isOver) ? problem : advice)(
      ends.map(({ sentence }) => sentence).join(" "),
    );
  const { OPENAI_MODEL, OPENAI_BASE_URL, OPENAI_PRICE_INPUT, OPENAI_PRICE_OUTPUT } = config;
  return ok(
    `${OPENAI_MODEL} at ${new URL(OPENAI_BASE_URL).host} by the ${found?.api ?? "Responses API"}, priced at $${OPENAI_PRICE_INPUT} and $${OPENAI_PRICE_OUTPUT} per million input and output tokens`,
  );
};

const literature: Check = async (config, signal) => {
  const service = await openLiterature(asking(config), clock);
  if (service === undefined)
    return advice(
      "none: the score leaves out literature support; set LITERATURE=pubmed to measure it",
    );
  const answer = await service.articles(
    { perturbation: ["interferon"], cellType: ["monocyte"], most: 1 },
    signal,
  );
  return answer.status === "unavailable"
    ? problem(answer.reason)
    : ok(`PubMed at ${config.NCBI_BASE_URL}`);
};

const NAMES: Readonly<Record<string, string>> = {
  uniprot: "UniProt",
  reactome: "Reactome",
  kegg: "KEGG",
};

const lookUps: Check = async (config, signal) => {
  const service = await openLookUps(asking(config), clock);
  if (service === undefined)
    return advice(
      "none: a language model relies on what it knows about genes; set LOOKUPS to let it look genes up",
    );
  const answer = await service.gene("ISG15", signal);
  if (answer.status === "unavailable") return problem(answer.reason);
  if (answer.status === "unknown")
    return problem("UniProt has no entry for the gene ISG15; check UNIPROT_BASE_URL");
  const names = listed(config.LOOKUPS).map((name) => NAMES[name] ?? name);
  const silent = names.filter((name) => !answer.facts.source.includes(name));
  return silent.length === 0
    ? ok(names.join(", "))
    : problem(
        `no answer from ${silent.join(", ")}; check the address, or remove the name from LOOKUPS`,
      );
};

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })).min(1) });

const signIn: Check = async ({ AUTH, IAP_JWKS_URL }, signal) => {
  if (AUTH === "none") return ok("none: the daemon answers requests from this machine only");
  if (AUTH === "token") return ok("bearer tokens (`haystack token create`)");
  const response = await fetch(IAP_JWKS_URL, { signal }).catch(() => undefined);
  const { success } = keySetSchema.safeParse(await response?.json().catch(() => undefined));
  return success
    ? ok(`Identity-Aware Proxy, with the keys of ${IAP_JWKS_URL}`)
    : problem(
        `${IAP_JWKS_URL} returns no keys to verify the proxy's assertions; check IAP_JWKS_URL`,
      );
};

const traces: Check = async (
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS },
  signal,
) => {
  if (endpoint === undefined)
    return ok("none sent; set OTEL_EXPORTER_OTLP_ENDPOINT to send traces");
  const { collectorHeaders } = await import("../../insight/traces.ts");
  const url = new URL("v1/traces", endpoint.endsWith("/") ? endpoint : `${endpoint}/`);
  const headers = {
    "content-type": "application/json",
    ...collectorHeaders(OTEL_EXPORTER_OTLP_HEADERS ?? ""),
  };
  const response = await fetch(url, {
    method: "POST",
    signal,
    headers,
    body: JSON.stringify({ resourceSpans: [] }),
  }).catch(() => undefined);
  if (response === undefined)
    return problem(
      `no collector answers at ${endpoint}; start it or correct OTEL_EXPORTER_OTLP_ENDPOINT`,
    );
  return response.ok
    ? ok(`to ${endpoint}`)
    : problem(
        `the collector at ${endpoint} answered with status ${response.status}; check its address and OTEL_EXPORTER_OTLP_HEADERS`,
      );
};

export const OTHER_SERVICES: Readonly<Record<string, Check>> = {
  mail,
  "language model": languageModel,
  literature,
  "look-ups": lookUps,
  "sign-in": signIn,
  traces,
};
