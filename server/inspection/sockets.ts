import fastifyWebsocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import type { ServerParts } from "../parts.ts";

/** Nothing is expected from a viewer. */
const LARGEST_MESSAGE = 1_024;
/** For how long the viewers of a server that closes may take to say goodbye. */
const GOODBYE_MS = 1_000;
/** Close codes of the WebSocket protocol. */
const GOING_AWAY = 1001;
const UNEXPECTED = 1011;

/**
 * Lets routes be WebSockets. Call it before every hook and route: it also ends the connections that
 * they refuse.
 */
export async function allowSockets(
  app: FastifyInstance,
  { clock, logger }: Pick<ServerParts, "clock" | "logger">,
): Promise<void> {
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
