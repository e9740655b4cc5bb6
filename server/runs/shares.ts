import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import type { RunShare } from "../../services/access/index.ts";
import { audited } from "../access/audited.ts";
import { addressOf, checkShare } from "../../actors/run-shares.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";
import { turnsByName } from "../turns.ts";
import { findRun } from "./find-run.ts";
import { runParams, sharesSchema } from "./schemas.ts";

const userParams = runParams.extend({
  user: z.string().min(1).max(254).describe("E-mail address that the user signs in with"),
});

const shown = (shares: readonly RunShare[]) => ({
  shares: shares.map(({ user, shared_by, shared_at }) => ({
    user,
    shared_by,
    shared_at: new Date(shared_at).toISOString(),
  })),
});

/** Who else may read a run: said by its owner, or an administrator, and by nobody else. */
export const shareRoutes =
  (parts: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const { access, clock, config } = parts;
    const audit = audited(parts);
    const turnOf = turnsByName();
    const tags = ["runs"];
    const response = { 200: sharesSchema, ...errorResponses };

    app.get(
      "/runs/:id/shares",
      {
        config: { access: "user" },
        schema: { summary: "With whom a run is shared", tags, params: runParams, response },
      },
      async ({ identity, params: { id } }) => {
        await findRun(parts, identity, id);
        return shown(await access.sharesOf(id));
      },
    );

    app.put(
      "/runs/:id/shares/:user",
      {
        config: { access: "user" },
        schema: {
          summary: "Let another user read a run",
          description:
            "They see the run, its events, results, files and logs, and change nothing. Whether the address is a user's is not told: whoever signs in with it sees the run.",
          tags,
          params: userParams,
          response,
        },
      },
      async ({ identity, ip, params }) => {
        const { id } = params;
        const { document } = await findRun(parts, identity, id);
        if (config.AUTH === "none")
          throw new HaystackError(
            "USAGE",
            "Nobody signs in at this server, so there is no other user; set AUTH=token or AUTH=iap to share runs.",
          );
        const user = addressOf(params.user);
        await turnOf(id, async () => {
          checkShare(document, user, await access.sharesOf(id));
          await audit({ identity, ip }, `share ${user}`, id, () =>
            access.share({
              run_id: id,
              user,
              shared_by: identity.owner,
              shared_at: clock.now(),
            }),
          );
          // A deletion that came in between has taken back what was shared by then.
          if ((await parts.runs.get(id)) === undefined) await access.forgetSharesOf([id]);
        });
        return shown(await access.sharesOf(id));
      },
    );

    app.delete(
      "/runs/:id/shares/:user",
      {
        config: { access: "user" },
        schema: {
          summary: "Take back that another user may read a run",
          description: "What they have open of it ends within a second.",
          tags,
          params: userParams,
          response,
        },
      },
      async ({ identity, ip, params: { id, user } }) => {
        await findRun(parts, identity, id);
        const reader = { run_id: id, user: addressOf(user) };
        await audit({ identity, ip }, `unshare ${reader.user}`, id, () => access.unshare(reader));
        return shown(await access.sharesOf(id));
      },
    );
  };
