import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Upload } from "../../actors/uploads.ts";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import { audited } from "../access/audited.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { importSchema, inspectionSchema, uploadSchema } from "./upload-schemas.ts";

/** Bytes of one piece. */
const LARGEST_PIECE = 8_388_608;
const LARGEST_FILE = 10_000_000_000_000;
const BINARY = "application/octet-stream";

const params = z.object({ id: z.uuid().max(36).describe("Id of the upload") });

const shown = ({ since, ...upload }: Upload) => ({
  ...upload,
  since: new Date(since).toISOString(),
});

/** Files that become atlases: sent in pieces, looked into, and imported as its sender says. */
export const uploadRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { uploads, config } = parts;
    const audit = audited(parts);
    const tags = ["admin"];
    const config_ = { access: "admin" } as const;
    const stands = { 200: uploadSchema, ...errorResponses };
    const find = (id: string): Upload => {
      const found = uploads.list().find((upload) => upload.id === id);
      if (found !== undefined) return found;
      throw new HaystackError(
        "UPLOAD_NOT_FOUND",
        "There is no such upload at this daemon; send the file anew.",
      );
    };
    app.addContentTypeParser(BINARY, { parseAs: "buffer" }, (_, body, done) => done(null, body));

    app.get(
      "/uploads",
      {
        config: config_,
        schema: {
          summary: "Files that were sent to this daemon to become atlases",
          tags,
          response: {
            200: z.object({
              uploads: z.array(uploadSchema),
              most_bytes: z.number().describe("Of one file (HTTP_UPLOAD_GB)"),
            }),
            ...errorResponses,
          },
        },
      },
      () => ({
        uploads: uploads.list().map(shown),
        most_bytes: config.HTTP_UPLOAD_GB * 1_000_000_000,
      }),
    );

    app.post(
      "/uploads",
      {
        config: config_,
        schema: {
          summary: "Announce an .h5ad file that is to become an atlas",
          tags,
          body: z.strictObject({
            name: z.string().min(1).max(200).describe("Of the file, such as kang.h5ad"),
            bytes: z.number().int().min(1).max(LARGEST_FILE),
          }),
          response: {
            201: uploadSchema.describe("Send its pieces to /admin/uploads/{id}/content"),
            ...errorResponses,
          },
        },
      },
      async (request, reply) => {
        const { body, identity } = request;
        const upload = await audit(request, "upload", body.name, () =>
          uploads.begin({ ...body, by: identity.owner }),
        );
        return reply.code(201).send(shown(upload));
      },
    );

    app.put(
      "/uploads/:id/content",
      {
        config: config_,
        bodyLimit: LARGEST_PIECE,
        schema: {
          summary: "Send the next piece of a file",
          description: `At most ${LARGEST_PIECE} bytes, each piece where the last ended. A file for which nothing comes for two minutes is thrown away.`,
          tags,
          params,
          querystring: z.object({
            offset: z.coerce
              .number()
              .int()
              .min(0)
              .max(LARGEST_FILE)
              .describe("First byte of the piece"),
          }),
          consumes: [BINARY],
          body: z.any().meta({ type: "string", format: "binary", maxLength: LARGEST_PIECE }),
          response: stands,
        },
      },
      async ({ params: { id }, query, body }) => {
        if (!Buffer.isBuffer(body))
          throw new HaystackError(
            "MEDIA_TYPE_UNSUPPORTED",
            `A piece of a file is sent as bytes; send it with \`Content-Type: ${BINARY}\`.`,
          );
        return shown(await uploads.append(id, query.offset, body));
      },
    );

    app.post(
      "/uploads/:id/inspection",
      {
        config: config_,
        schema: {
          summary: "What a whole file holds, and how an import would read it",
          description: "A file that is no AnnData is thrown away, with the reason.",
          tags,
          params,
          response: { 200: inspectionSchema, ...errorResponses },
        },
      },
      async ({ params: { id } }) => {
        const found = await uploads.inspect(id);
        return inspectionSchema.parse(found);
      },
    );

    app.post(
      "/uploads/:id/import",
      {
        config: config_,
        schema: {
          summary: "Import a file as an atlas, read as its sender says",
          description:
            "Answers when the import has begun, in a process of its own; the upload tells its end. After a failure it can be asked for again, with other answers.",
          tags,
          params,
          body: importSchema,
          response: { 202: uploadSchema, ...errorResponses },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { dataset, cell_type_of_all, perturbation_type, repeated_genes, only, ...rest } =
          request.body;
        const { layer, modality, ...columns } = rest;
        const begun = Promise.withResolvers<void>();
        const { name } = find(id);
        const work = audit(request, "atlas.import", dataset ?? name, async () => {
          const isAlready = find(id).state === "importing";
          const importing = uploads.import(id, {
            columns: given(columns),
            ...given({
              dataset,
              cellType: cell_type_of_all,
              perturbationType: perturbation_type,
              only,
              repeatedGenes: repeated_genes,
              layer,
              modality,
            }),
          });
          // What cannot begin is refused before anything is awaited.
          if (!isAlready && find(id).state === "importing") begun.resolve();
          await importing;
        });
        await Promise.race([begun.promise, work]);
        work.catch(() => undefined); // It is told in the upload.
        return reply.code(202).send(shown(find(id)));
      },
    );

    app.delete(
      "/uploads/:id",
      {
        config: config_,
        schema: {
          summary: "Throw a file away; an import that is under way ends",
          tags,
          params,
          response: { 204: z.null().describe("Thrown away"), ...errorResponses },
        },
      },
      async ({ params: { id } }, reply) => {
        await uploads.discard(id);
        return reply.code(204).send(null);
      },
    );
  };
