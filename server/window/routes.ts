import { readdir, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { HaystackError } from "../../errors.ts";
import { ownFile } from "../../own-files.ts";
import type { ServerParts } from "../parts.ts";
import { OWN_FILES_ONLY } from "./policy.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** The names of assets hold a hash of what is in them. */
const FOR_EVER = "public, max-age=31536000, immutable";
const LOOK_AGAIN = "no-cache";
const SIGN_IN = /data-sign-in="none"/;

interface Content {
  readonly type: string;
  readonly plain: Buffer;
  /** Made when somebody first asks for it. */
  packed(): Promise<Buffer>;
  readonly kept: string;
}

const pack = promisify(gzip);

function contentOf(name: string, text: Buffer, kept: string): Content {
  let packed: Promise<Buffer> | undefined;
  return {
    type: TYPES[extname(name)] ?? "application/octet-stream",
    plain: text,
    packed: () => (packed ??= pack(text, { level: 9 })),
    kept,
  };
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content,
): Promise<FastifyReply> {
  const isPacked = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  return reply
    .type(content.type)
    .header("cache-control", content.kept)
    .header("vary", "accept-encoding")
    .headers(isPacked ? { "content-encoding": "gzip" } : {})
    .send(isPacked ? await content.packed() : content.plain);
}

/** The built window by name; undefined where nobody has built it. */
async function builtWindow(
  folder: string,
  way: string,
): Promise<
  { readonly document: Content; readonly assets: ReadonlyMap<string, Content> } | undefined
> {
  const names = await readdir(`${folder}/window`).catch(() => undefined);
  if (names === undefined) return undefined;
  const html = await readFile(`${folder}/index.html`, "utf8");
  const assets = names.map(
    async (name) =>
      [name, contentOf(name, await readFile(`${folder}/window/${name}`), FOR_EVER)] as const,
  );
  return {
    document: contentOf(
      "index.html",
      Buffer.from(html.replace(SIGN_IN, `data-sign-in="${way}"`)),
      LOOK_AGAIN,
    ),
    assets: new Map(await Promise.all(assets)),
  };
}

/**
 * The window: one document at `/` and its assets. It holds no data; what it shows it asks for as the
 * user who looks.
 */
export const windowRoutes =
  ({ config }: ServerParts, folder = ownFile("web/built")): FastifyPluginAsyncZod =>
  async (app) => {
    const built = await builtWindow(folder, config.AUTH);
    const hidden = {
      config: { access: "public" },
      schema: { hide: true },
      helmet: OWN_FILES_ONLY,
    } as const;
    app.get("/", hidden, (request, reply) => {
      if (built === undefined)
        throw new HaystackError(
          "NOT_READY",
          "The window has not been built in this checkout; run `npm run build:web`, then start the daemon again.",
        );
      return send(request, reply, built.document);
    });
    for (const [name, content] of built?.assets ?? [])
      app.get(`/window/${name}`, hidden, (request, reply) => send(request, reply, content));
    // The links of mails: the browser keeps what is behind the #, which names the run.
    app.get("/run", hidden, (_, reply) => reply.header("cache-control", LOOK_AGAIN).redirect("./"));
    // Its own address of earlier releases.
    app.get("/inspector", hidden, (_, reply) =>
      reply.header("cache-control", LOOK_AGAIN).redirect("./?inspector"),
    );
  };
