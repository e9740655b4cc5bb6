import { checkCeilings, checkQuota } from "../../actors/ceilings.ts";
import { shownRun } from "../../actors/run-details.ts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import { questionText } from "../../science/query/question-text.ts";
import {
  askedConfigSchema,
  newRun,
  runConfigSchema,
  runDocumentSchema,
  runLabelsSchema,
  runNameSchema,
  type RunDocument,
} from "../../services/runs/document.ts";
import { namedByKey, newRunId, newSeed } from "../../actors/new-run.ts";
import { auditedForOthers } from "../access/audited.ts";
import { turnsByName } from "../turns.ts";
import { userEmailOf } from "../access/ownership.ts";
import { errorResponses } from "../errors.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { querySchema, runSchema } from "./schemas.ts";
import { given } from "../../given.ts";

/** What mail servers take: 64 characters before the @, labels of 63 after it. */
const addressSchema = z
  .email()
  .max(254)
  .regex(/^[^@]{1,64}@/)
  .regex(z.regexes.html5Email);

const bodySchema = z.strictObject({
  query: querySchema,
  config: askedConfigSchema.prefault({}).describe("Every setting has a default"),
  name: runNameSchema.optional().describe("What to call the run"),
  labels: runLabelsSchema.optional().describe("What to file the run under"),
  random_seed: runDocumentSchema.shape.random_seed
    .optional()
    .describe("Random by default, and recorded in the run"),
  user_email: addressSchema
    .nullable()
    .optional()
    .describe("Owner of the run; only administrators may name somebody else"),
});
type Body = z.infer<typeof bodySchema>;

const headersSchema = z.object({
  "idempotency-key": z
    .string()
    .max(200)
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional()
    .describe("Requests with the same key and body create one run, however often they are sent"),
});

function userOf(identity: Identity, { user_email: named }: Body): string | null {
  const own = userEmailOf(identity);
  if (named === undefined) return own;
  const address = named?.toLowerCase() ?? null;
  if (identity.role !== "admin" && address !== own)
    throw new HaystackError(
      "FORBIDDEN",
      "Only an administrator may submit a run for somebody else; remove user_email.",
    );
  return address;
}

/** Those parts of a run that its request decides. */
const asked = ({ query, config, user_email, random_seed, name, labels }: RunDocument): string =>
  JSON.stringify([
    query,
    runConfigSchema.parse(config),
    user_email,
    random_seed,
    name,
    Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);

/** What stands under the key, which must be what is asked for now. */
async function existing({ runs }: ServerParts, run: RunDocument): Promise<RunDocument> {
  const document = (await runs.get(run.run_id))?.document;
  if (document === undefined)
    throw new HaystackError(
      "STORE_UNAVAILABLE",
      "The run of this Idempotency-Key cannot be read at the moment; send the request again.",
    );
  if (asked(document) === asked(run)) return document;
  throw new HaystackError(
    "IDEMPOTENCY_KEY_REUSED",
    "This Idempotency-Key was used for another request; use a new key for a new run.",
    { details: { run_id: run.run_id } },
  );
}

/** Whether a request was refused that an earlier one, of the same key, may have made a run of. */
const mayExist = async (
  { runs }: ServerParts,
  { run_id }: RunDocument,
  thrown: unknown,
): Promise<boolean> => {
  if (!(thrown instanceof HaystackError)) return false;
  if (thrown.code === "RUN_EXISTS") return true;
  return (
    (thrown.code === "QUOTA_REACHED" || thrown.code === "LIMIT_EXCEEDED") &&
    (await runs.get(run_id)) !== undefined
  );
};

export const submitRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const auditForOthers = auditedForOthers(parts);
    const turnOf = turnsByName();
    app.post(
      "/runs",
      {
        config: { access: "user" },
        schema: {
          summary: "Submit a question",
          tags: ["runs"],
          headers: headersSchema,
          body: bodySchema,
          response: {
            200: runSchema.describe("The run that this Idempotency-Key already created"),
            201: runSchema.describe("The new run, queued; the Location header has its address"),
            ...errorResponses,
          },
        },
      },
      async (request, reply) => {
        const { body, identity } = request;
        questionText(body.query);
        for (const dataset of body.config.datasets) await parts.atlases.check(dataset);
        const key = request.headers["idempotency-key"];
        const named =
          key === undefined
            ? { run_id: newRunId(), random_seed: newSeed() }
            : namedByKey(identity.owner, key);
        const run = newRun({
          ...named,
          ...given({ random_seed: body.random_seed }),
          query: body.query,
          name: body.name,
          labels: body.labels,
          config: body.config,
          user_email: userOf(identity, body),
          now: parts.clock.now(),
        });
        reply.header("location", `/api/v1/runs/${run.run_id}`);
        try {
          checkCeilings(run.config, parts.config);
          await turnOf(run.user_email ?? "", async () => {
            await checkQuota(parts.runs, run, parts.config, parts.clock.now());
            await auditForOthers(request, "submit", run, () => parts.supervisor.submit(run));
          });
        } catch (thrown) {
          if (key === undefined || !(await mayExist(parts, run, thrown))) throw thrown;
          return reply.code(200).send(shownRun(await existing(parts, run)));
        }
        return reply.code(201).send(shownRun(run));
      },
    );
  };
