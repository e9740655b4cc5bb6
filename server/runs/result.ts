import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { HaystackError, toHaystackError } from "../../errors.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import { accuracyInWords } from "../../science/report/wording.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { errorResponses } from "../errors.ts";
import { aboutRun } from "../../insight/logging.ts";
import type { ServerParts } from "../parts.ts";
import { CONTENT_TYPES, filesOf, KINDS, type ResultFile } from "./files.ts";
import { findReadableRun } from "./find-run.ts";
import { basisSchema, runParams } from "./schemas.ts";

const iterationShape = runDocumentSchema.shape.iterations.element.shape;

const fileSchema = z.object({
  name: z.string(),
  kind: z.enum(KINDS),
  content_type: z.string(),
  bytes: z.number().int().nullable().describe("Null if the file no longer exists"),
  url: z.string().describe("Download address: a path on this server, or a signed link"),
  expires_at: z.iso
    .datetime()
    .nullable()
    .describe("When a signed link expires; null for a path on this server"),
});

const resultSchema = z
  .object({
    ...runDocumentSchema.pick({
      run_id: true,
      query: true,
      structured_query: true,
      control_strategy_effective: true,
      expected_accuracy: true,
      termination_reason: true,
      final_score: true,
      delivered_iteration: true,
      usage: true,
    }).shape,
    expected_accuracy_in_words: z.string().nullable(),
    raw_score: iterationShape.raw_score,
    scale: iterationShape.scale,
    transfer: iterationShape.transfer,
    component_scores: iterationShape.component_scores,
    confidence: iterationShape.confidence,
    verdict: iterationShape.verdict,
    reading: iterationShape.reading,
    feedback: iterationShape.feedback,
    prompt_strategy: iterationShape.prompt_strategy,
    prompt_rationale: iterationShape.prompt_rationale,
    top_genes: iterationShape.top_genes,
    enriched_pathways: iterationShape.enriched_pathways,
    rests_on: basisSchema,
    files: z.array(fileSchema),
  })
  .meta({ id: "RunResult" });

/** Errors: RUN_STATE_FORBIDS. */
function deliveredOf({
  run_id,
  status,
  iterations,
  delivered_iteration,
}: RunDocument): RunDocument["iterations"][number] {
  const delivered = iterations.find(({ iteration }) => iteration === delivered_iteration);
  if (status === "completed" && delivered !== undefined) return delivered;
  throw new HaystackError(
    "RUN_STATE_FORBIDS",
    `This run is ${status} and has no result; wait until it is completed.`,
    { details: { run_id } },
  );
}

export const resultRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { objects, clock, logger, config } = parts;

    /**
     * Where the objects cannot sign a link, this server hands the file out; also to those whom the
     * run is shared with, as a signed link cannot be taken back.
     */
    const linkTo = async (
      runId: string,
      { name, path }: ResultFile,
      isShared: boolean,
    ): Promise<{ url: string; expires_at: string | null }> => {
      const own = {
        url: `/api/v1/runs/${encodeURIComponent(runId)}/files/${encodeURIComponent(name)}`,
        expires_at: null,
      };
      if (objects.signedUrl === undefined || isShared) return own;
      const expires_at = new Date(clock.now() + config.SIGNED_URL_SECONDS * 1_000).toISOString();
      return objects.signedUrl(path, config.SIGNED_URL_SECONDS).then(
        (url) => ({ url, expires_at }),
        (thrown: unknown) => {
          logger.warn(
            { err: toHaystackError(thrown), ...aboutRun(runId) },
            "no signed link could be made",
          );
          return own;
        },
      );
    };

    app.get(
      "/runs/:id/result",
      {
        config: { access: "user" },
        schema: {
          summary: "The findings of a completed run, and its files",
          tags: ["runs"],
          params: runParams,
          response: { 200: resultSchema, ...errorResponses },
        },
      },
      async ({ params, identity, sharedRuns }) => {
        const { document } = await findReadableRun(parts, { identity, sharedRuns }, params.id);
        const isShared = sharedRuns.has(document.run_id);
        const delivered = deliveredOf(document);
        const files = filesOf(document.run_id).map(async (file) => ({
          name: file.name,
          kind: file.kind,
          content_type: CONTENT_TYPES[file.kind],
          bytes: (await objects.stat(file.path))?.size ?? null,
          ...(await linkTo(document.run_id, file, isShared)),
        }));
        return {
          ...document,
          ...delivered,
          expected_accuracy_in_words:
            delivered.expected_accuracy === undefined
              ? null
              : accuracyInWords(delivered.expected_accuracy),
          rests_on: [...restsOn(document)],
          // Runs of earlier releases have no findings for programs.
          files: (await Promise.all(files)).filter(
            ({ kind, bytes }) => kind !== "findings" || bytes !== null,
          ),
        };
      },
    );
  };
