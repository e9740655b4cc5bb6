import { systemWords } from "../system-words.ts";
import type { FastifyInstance } from "fastify";
import { HaystackError } from "../errors.ts";
import { createServer } from "./app.ts";
import type { ServerParts } from "./parts.ts";

export interface Listening {
  readonly app: FastifyInstance;
  readonly parts: ServerParts;
  /** As a client on this machine writes it, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, ends the event streams and lets answers under way finish. */
  close(): Promise<void>;
}

/** Answers that take longer are cut off when the server closes. */
const CLOSE_MS = 5_000;

/** Serves these parts over HTTP. Errors: CONFIG_INVALID when nothing can listen at that address. */
export async function listen(parts: ServerParts): Promise<Listening> {
  const { HTTP_HOST: host, HTTP_PORT: port } = parts.config;
  const app = await createServer(parts);
  const url = await app.listen({ host, port }).catch((thrown: unknown) => {
    throw new HaystackError(
      "CONFIG_INVALID",
      `The daemon cannot listen on HTTP_HOST ${host}, HTTP_PORT ${port} (${systemWords(thrown) ?? "it cannot be used"}); choose another port, or 0 for any.`,
      { cause: thrown },
    );
  });
  return {
    app,
    parts,
    url,
    async close() {
      const impatient = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
      await app.close();
      clearTimeout(impatient);
    },
  };
}
