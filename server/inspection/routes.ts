import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { replay } from "../../actors/inspection/replay.ts";
import { listed } from "../../config.ts";
import type { ServerParts } from "../parts.ts";
import { findRun } from "../runs/find-run.ts";
import { runParams } from "../runs/schemas.ts";
import { endAccess, keepOpen, socketViewer } from "./viewer.ts";

const NORMAL_END = 1000;

/** Stately's inspection protocol over WebSocket: the live machines, or the past of one run. */
export const inspectionRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { inspection, runs, config, clock } = parts;
    const origins = listed(config.INSPECT_ORIGINS);

    app.get(
      "/inspect",
      {
        websocket: true,
        config: { access: "admin", origins },
        schema: {
          hide: true,
          querystring: z.object({ run_id: z.string().min(1).max(200).optional() }),
        },
      },
      (socket, request) => {
        const { run_id } = request.query;
        request.endAccess = () => endAccess(socket, clock);
        keepOpen(socket, clock, inspection.attach(socketViewer(socket), run_id));
      },
    );

    app.get(
      "/inspect/replay/:id",
      {
        websocket: true,
        config: { access: "admin", origins },
        schema: { hide: true, params: runParams },
        async preHandler({ identity, params }) {
          await findRun(parts, identity, params.id);
        },
      },
      async (socket, request) => {
        const { id } = request.params;
        request.endAccess = () => endAccess(socket, clock);
        const viewer = socketViewer(socket);
        for (const message of replay(id, await runs.history(id))) {
          await viewer.room();
          viewer.send(message);
        }
        socket.close(NORMAL_END, "The replay has ended.");
      },
    );
  };
