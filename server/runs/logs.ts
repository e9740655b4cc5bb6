import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { redactor } from "../../config.ts";
import { outputsOf } from "../../actors/job-outputs.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { findReadableRun } from "./find-run.ts";
import { jobOutputsSchema, runParams } from "./schemas.ts";

export const logRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const redact = redactor(parts.config);
    app.get(
      "/runs/:id/logs",
      {
        config: { access: "user" },
        schema: {
          summary: "What the inference program of a run said, attempt by attempt",
          tags: ["runs"],
          params: runParams,
          response: { 200: jobOutputsSchema, ...errorResponses },
        },
      },
      async ({ params, identity, sharedRuns }) => {
        const record = await findReadableRun(parts, { identity, sharedRuns }, params.id);
        const jobs = await outputsOf(
          record,
          (jobId, at) => parts.batch.output(jobId, undefined, at),
          redact,
        );
        return { run_id: record.document.run_id, jobs: [...jobs] };
      },
    );
  };
