import { send } from "@fastify/send";
import { basename, dirname } from "node:path";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { resultObjects } from "../../actors/run-objects.ts";
import { objectNotFound } from "../../errors.ts";
import { clientGone } from "../client-gone.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { findReadableRun } from "./find-run.ts";
import { runParams } from "./schemas.ts";
import { endSlowReading } from "./slow-readers.ts";

export const KINDS = ["anndata", "report", "findings", "log"] as const;
type Kind = (typeof KINDS)[number];

export const CONTENT_TYPES: Readonly<Record<Kind, string>> = {
  anndata: "application/x-hdf5",
  report: "text/html; charset=utf-8",
  findings: "application/json; charset=utf-8",
  log: "application/json; charset=utf-8",
};

const binary = z.any().meta({ type: "string", format: "binary" });
const CONTENTS: Readonly<Record<Kind, z.ZodType>> = {
  anndata: binary,
  report: binary,
  findings: z.looseObject({}),
  log: z.looseObject({}),
};

/** A result opened in a browser runs nothing, loads nothing and is of no origin. */
const SANDBOX =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ResultFile {
  readonly kind: Kind;
  readonly name: string;
  readonly path: string;
}

/** The only files that a run offers. */
export function filesOf(runId: string): ResultFile[] {
  const paths = resultObjects(runId);
  return KINDS.map((kind) => ({
    kind,
    path: paths[kind],
    name: paths[kind].slice(paths[kind].lastIndexOf("/") + 1),
  }));
}

const headersSchema = z.object({
  range: z
    .string()
    .max(200)
    .optional()
    .describe(
      "One part of an AnnData file, such as `bytes=1000-`, to resume a download; other files are always sent whole",
    ),
  "if-range": z
    .string()
    .max(500)
    .optional()
    .describe("ETag of the earlier answer: the whole file is sent if it has changed since"),
  "if-none-match": z
    .string()
    .max(5_000)
    .optional()
    .describe("ETag of the earlier answer: nothing is sent if the file is unchanged"),
});

export const fileRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/runs/:id/files/:name",
      {
        config: { access: "user" },
        schema: {
          summary: "Download a file of the result",
          tags: ["runs"],
          params: runParams.extend({
            name: z.string().min(1).max(300).describe("File name as in /result"),
          }),
          headers: headersSchema,
          response: {
            200: {
              description: "The file",
              content: Object.fromEntries(
                KINDS.map((kind) => [CONTENT_TYPES[kind], { schema: CONTENTS[kind] }]),
              ),
            },
            206: {
              description: "The part that `Range` asks for, named by `Content-Range`",
              content: { [CONTENT_TYPES.anndata]: { schema: binary } },
            },
            304: z.null().describe("The file is unchanged since `If-None-Match`"),
            ...errorResponses,
          },
        },
      },
      async (request, reply) => {
        const { params, raw } = request;
        const { document } = await findReadableRun(parts, request, params.id);
        const file = filesOf(document.run_id).find(({ name }) => name === params.name);
        if (file === undefined || document.output_anndata_path === null)
          throw objectNotFound(params.name, {
            advice: "find the files of the run in its result.",
            runId: document.run_id,
          });
        const local = await parts.objects.fetch({ path: file.path }, clientGone(reply));
        const sent = await send(raw, encodeURIComponent(basename(local)), {
          root: dirname(local),
          dotfiles: "allow",
          acceptRanges: file.kind === "anndata",
          contentType: false,
          cacheControl: false,
        });
        if (sent.type === "error") {
          const range = sent.headers["Content-Range"];
          if (range !== undefined) reply.header("content-range", range);
          throw sent.metadata.error;
        }
        endSlowReading(reply.raw, parts.clock, parts.config.HTTP_DOWNLOAD_MINUTES);
        return reply
          .code(sent.statusCode)
          .headers(sent.headers)
          .type(CONTENT_TYPES[file.kind])
          .header("content-disposition", `attachment; filename="${file.name}"`)
          .header("content-security-policy", SANDBOX)
          .header("x-content-type-options", "nosniff")
          .header("cache-control", "private, no-store")
          .send(sent.stream);
      },
    );
  };
