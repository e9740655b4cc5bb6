import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { HaystackError } from "../../errors.ts";
import type { RunDocument, RunStatus } from "../../services/runs/document.ts";
import { auditedForOthers } from "../access/audited.ts";
import { errorResponses } from "../errors.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { findRun } from "./find-run.ts";
import { runParams, runSchema } from "./schemas.ts";

interface Wish {
  readonly type: "cancel.requested" | "retry.requested";
  /** Where it can be asked for. */
  readonly from: readonly RunStatus[];
  /** Where it is granted already, so that asking twice does nothing twice. */
  readonly granted: readonly RunStatus[];
}

export const CANCEL: Wish = {
  type: "cancel.requested",
  from: ["pending", "running", "failed"],
  granted: ["cancelled"],
};
export const RETRY: Wish = {
  type: "retry.requested",
  from: ["failed"],
  granted: ["pending", "running"],
};

export const stateForbids = ({ run_id, status }: RunDocument): HaystackError =>
  new HaystackError("RUN_STATE_FORBIDS", `This run is ${status}; nothing was changed.`, {
    details: { run_id },
  });

/**
 * Stores the wish, so that it is kept whatever happens from now on, and answers with the run as it
 * then stands.
 */
export async function ask(
  parts: ServerParts,
  identity: Identity,
  runId: string,
  { type, from, granted }: Wish,
): Promise<RunDocument> {
  const { document, revision, inbox } = await findRun(parts, identity, runId);
  const isAsked = inbox.some(({ event }) => event.type === type);
  if (granted.includes(document.status) || isAsked) return document;
  if (!from.includes(document.status)) throw stateForbids(document);
  await parts.supervisor.deliver(runId, { id: `${type}.${revision}`, event: { type } });
  return (await findRun(parts, identity, runId)).document;
}

export const runRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const auditForOthers = auditedForOthers(parts);
    const schema = { tags: ["runs"], params: runParams };
    const accepted = {
      202: runSchema.describe("Stored; it takes effect at once, and `/events` shows it"),
      ...errorResponses,
    };

    app.get(
      "/runs/:id",
      {
        config: { access: "user" },
        schema: { ...schema, summary: "One run", response: { 200: runSchema, ...errorResponses } },
      },
      async ({ params, identity }) => {
        return (await findRun(parts, identity, params.id)).document;
      },
    );

    for (const [name, wish, summary] of [
      ["cancel", CANCEL, "Cancel a run and its GPU jobs"],
      ["retry", RETRY, "Resume a failed run where it stopped"],
    ] as const) {
      app.post(
        `/runs/:id/${name}`,
        { config: { access: "user" }, schema: { ...schema, summary, response: accepted } },
        async (request, reply) => {
          const { params, identity } = request;
          const { document } = await findRun(parts, identity, params.id);
          return reply
            .code(202)
            .send(
              await auditForOthers(request, name, document, () =>
                ask(parts, identity, params.id, wish),
              ),
            );
        },
      );
    }
  };
