import { readdirSync, readFileSync } from "node:fs";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RUN_MACHINE } from "../../machines/run.ts";
import { ownFile } from "../../own-files.ts";
import { errorResponses } from "../errors.ts";
import { stateSchema } from "./schemas.ts";

const FILE = /^v(.+)\.json$/;
const machinesSchema = z.array(stateSchema);

/** The statecharts of every released version of the run machine, with its child machines. */
function readCharts(): ReadonlyMap<string, z.infer<typeof machinesSchema>> {
  const folder = ownFile("machines/charts");
  const files = readdirSync(folder).flatMap((name) => {
    const version = FILE.exec(name)?.[1];
    return version === undefined ? [] : [[version, name] as const];
  });
  return new Map(
    files.map(([version, name]) => [
      version,
      machinesSchema.parse(JSON.parse(readFileSync(`${folder}/${name}`, "utf8"))),
    ]),
  );
}

export const machineRoutes = (): FastifyPluginAsyncZod => async (app) => {
  const charts = readCharts();
  const versions = [...charts.keys()];
  app.get(
    "/machine",
    {
      config: { access: "admin" },
      schema: {
        summary:
          "The statecharts of a run and its child machines, of any version that was released",
        tags: ["admin"],
        querystring: z.object({
          version: z
            .string()
            .max(50)
            .refine((version) => charts.has(version), `must be one of ${versions.join(", ")}`)
            .default(RUN_MACHINE.version)
            .describe("As the detail of a run names it; the present one where it is not said"),
        }),
        response: {
          200: z.object({
            version: z.string(),
            versions: z.array(z.string()),
            machines: machinesSchema,
          }),
          ...errorResponses,
        },
      },
    },
    ({ query: { version } }) => ({ version, versions, machines: charts.get(version) ?? [] }),
  );
};
