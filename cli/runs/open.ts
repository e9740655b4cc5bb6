import { readConfig } from "../configuration.ts";
import { HaystackError } from "../../errors.ts";
import type { PlaceOptions } from "../options.ts";
import type { RunOperations } from "./operations.ts";

/**
 * The runs that a command is about: those of --server, of --data-dir, of HAYSTACK_SERVER, or of the
 * configured store, in this order. Errors: USAGE, CONFIG_INVALID.
 */
export async function openRunOperations({
  server,
  dataDir,
  insecureHttp,
}: PlaceOptions): Promise<RunOperations> {
  if (server !== undefined && dataDir !== undefined)
    throw new HaystackError(
      "USAGE",
      "--data-dir selects the store of this machine and --server another machine; use only one of them.",
    );
  const config = readConfig(dataDir);
  const address = server ?? (dataDir === undefined ? config.HAYSTACK_SERVER : undefined);
  if (address === undefined) {
    const { localRuns } = await import("./local.ts");
    return localRuns(config);
  }
  const [{ serverAddress }, { serverClient }, { remoteRuns }] = await Promise.all([
    import("../server/address.ts"),
    import("../server/client.ts"),
    import("./remote.ts"),
  ]);
  return remoteRuns(
    serverClient(
      serverAddress(
        address,
        config.HAYSTACK_TOKEN,
        insecureHttp === true || config.HAYSTACK_INSECURE_HTTP,
      ),
    ),
    config,
  );
}
