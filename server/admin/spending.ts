import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { keptFor } from "../../actors/kept-for.ts";
import { type Spending, spendingSince } from "../../actors/spending.ts";
import { errorResponses } from "../errors.ts";
import type { ServerParts } from "../parts.ts";

const DAY_MS = 86_400_000;
/** Pages that look again and again have every run read once in so long. */
const KEPT_MS = 30_000;
const MOST_DAYS = 366;

const share = { runs: z.number().int(), usd: z.number() };
const spendingSchema = z
  .object({
    since: z.iso.datetime(),
    by_day: z.array(
      z.object({ day: z.iso.date().describe("On which the runs were asked, UTC"), ...share }),
    ),
    by_user: z.array(z.object({ user_email: z.string().nullable(), ...share })),
    by_offer: z.array(
      z.object({
        offer: z.string().describe("Machine type and provisioning, or the language model"),
        ...share,
      }),
    ),
    is_whole: z.boolean().describe("False where only the newest runs were looked at"),
  })
  .meta({ id: "Spending" });

/** What the runs of all users have cost. */
export const spendingRoutes =
  ({ runs, clock }: ServerParts): FastifyPluginAsyncZod =>
  async (app) => {
    const kept = new Map<number, () => Promise<Spending & { readonly since: string }>>();
    const spendingOf = (days: number): (() => Promise<Spending & { readonly since: string }>) => {
      const known = kept.get(days);
      if (known !== undefined) return known;
      const made = keptFor(KEPT_MS, clock, async () => {
        const since = new Date(clock.now() - days * DAY_MS).toISOString();
        return { since, ...(await spendingSince(runs, since)) };
      });
      kept.set(days, made);
      return made;
    };
    app.get(
      "/spending",
      {
        config: { access: "admin" },
        schema: {
          summary: "What runs have cost, by day, user and offer",
          tags: ["admin"],
          querystring: z.object({
            days: z.coerce.number().int().min(1).max(MOST_DAYS).default(30),
          }),
          response: { 200: spendingSchema, ...errorResponses },
        },
      },
      async ({ query: { days } }) => {
        const { by_day, by_user, by_offer, ...rest } = await spendingOf(days)();
        return {
          ...rest,
          by_day: [...by_day],
          by_user: [...by_user],
          by_offer: [...by_offer],
        };
      },
    );
  };
