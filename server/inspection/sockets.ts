import fastifyWebsocket from "@fastify/websocket";
import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import type { ServerParts } from "../parts.ts";

/** Nothing is expected from a viewer. */
const LARGEST_MESSAGE = 1_024;
/** For how long the viewers of a server that closes may take to say goodbye. */
const GOODBYE_MS = 1_000;
/** Close codes of the WebSocket protocol. */
const GOING_AWAY = 1001;
const UNEXPECTED = 1011;

const SERVED = /^\/inspect(?:\/replay\/[^/?]+)?\/?(?:\?|$)/;

/**
 * Whether a request that asks for another protocol is one for a socket that is served; any other is
 * answered as if it had not asked. Node calls it before there is a route (24.9 and later).
 */
export const isSocketRequest = ({ method, url, headers }: IncomingMessage): boolean =>
  method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && SERVED.test(url ?? "");

/**
 * Lets routes be WebSockets. Call it before every hook and route: it also ends the connections that
 * they refuse.
 */
export async function allowSockets(
  app: FastifyInstance,
  { clock, logger }: Pick<ServerParts, "clock" | "logger">,
): Promise<void> {
  // Who asked for a socket and got none may speak no HTTP any more.
  app.addHook("onRequest", async ({ headers }, reply) => {
    if (headers.upgrade !== undefined) void reply.header("connection", "close");
  });
  await app.register(fastifyWebsocket, {
    options: { maxPayload: LARGEST_MESSAGE },
    errorHandler(error, socket) {
      logger.warn({ err: error }, "a socket ended");
      socket.close(UNEXPECTED);
    },
    async preClose() {
      app.server.removeAllListeners("upgrade");
      const { clients } = app.websocketServer;
      const gone = [...clients].map(
        (client) => new Promise((resolve) => client.once("close", resolve)),
      );
      for (const client of clients) client.close(GOING_AWAY, "The server is shutting down.");
      const late = Promise.withResolvers<void>();
      const forget = clock.after(GOODBYE_MS, late.resolve);
      await Promise.race([Promise.all(gone), late.promise]);
      forget();
      for (const client of clients) client.terminate();
    },
  });
}
