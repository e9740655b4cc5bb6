import { toHaystackError } from "../../errors.ts";
import type { RunReader } from "../../services/access/index.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { tokenIdentity } from "./identify.ts";

/** How often it is looked whether those who are being answered still may ask. */
const EVERY_MS = 400;
/** For so long an answer goes on while that cannot be found out. */
const UNKNOWN_MS = 10_000;

/** Who asks, and what of others they are shown; the latter may grow. */
interface Asking {
  readonly identity: Identity;
  readonly sharedRuns: ReadonlySet<string>;
}

interface OpenRequest {
  readonly asking: Asking;
  readonly end: () => void;
}

/** The requests that are being answered. */
export interface OpenRequests {
  /**
   * Calls `end`, once, when what the identity rests on expires, is revoked or loses the right of an
   * administrator, or when a run that is shown is no longer shared, in whatever process that
   * happens. The answer forgets it.
   */
  watch(asking: Asking, end: () => void): () => void;
  close(): void;
}

/**
 * Ends answers that outlast the right to them: event streams, sockets, downloads.
 *
 * 1. What is answered before the next look is never looked at.
 * 2. However many are open, one question to the store tells of all, and one of all that is shared.
 */
export function createOpenRequests({
  access,
  clock,
  config,
  logger,
}: Pick<ServerParts, "access" | "clock" | "config" | "logger">): OpenRequests {
  const open = new Set<OpenRequest>();
  const identityOf = tokenIdentity(config);
  let cancel: (() => void) | undefined;
  let isClosed = false;
  let unknownSince: number | undefined;

  const end = (request: OpenRequest): void => {
    if (open.delete(request)) request.end();
  };
  const isOver = ({ asking: { identity } }: OpenRequest): boolean =>
    identity.until !== null && identity.until <= clock.now();

  const lookAtTokens = async (): Promise<void> => {
    const asked = [...open];
    const ids = [...new Set(asked.map(({ asking }) => asking.identity.credential))];
    const tokens = new Map((await access.tokensOf(ids)).map((token) => [token.id, token]));
    for (const request of asked) {
      const { credential, owner, role } = request.asking.identity;
      const token = tokens.get(credential);
      const stands = token === undefined ? null : identityOf(token, clock.now());
      if (stands?.owner !== owner || (role === "admin" && stands.role !== "admin")) end(request);
    }
  };

  const lookAtShares = async (): Promise<void> => {
    const shown = [...open].flatMap((request) =>
      [...request.asking.sharedRuns].map((run_id) => ({
        request,
        reader: { run_id, user: request.asking.identity.owner },
      })),
    );
    if (shown.length === 0) return;
    const keyOf = ({ run_id, user }: RunReader): string => JSON.stringify([run_id, user]);
    const readers = new Map(shown.map(({ reader }) => [keyOf(reader), reader]));
    const standing = new Set((await access.standingShares([...readers.values()])).map(keyOf));
    for (const { request, reader } of shown) if (!standing.has(keyOf(reader))) end(request);
  };

  const look = async (): Promise<void> => {
    for (const request of open) if (isOver(request)) end(request);
    if (config.AUTH === "token" && open.size > 0) await lookAtTokens();
    await lookAtShares();
  };

  const onUnknown = (thrown: unknown): void => {
    if (unknownSince === undefined)
      logger.warn(
        { err: toHaystackError(thrown) },
        "it cannot be found out who still may ask; open answers end soon",
      );
    unknownSince ??= clock.elapsed();
    if (clock.elapsed() - unknownSince >= UNKNOWN_MS) for (const request of open) end(request);
  };

  const arm = (): void => {
    if (cancel !== undefined || isClosed || open.size === 0) return;
    cancel = clock.after(EVERY_MS, () => {
      void look()
        .then(() => (unknownSince = undefined), onUnknown)
        .finally(() => {
          cancel = undefined;
          arm();
        });
    });
  };

  return {
    watch(asking, onEnd) {
      if (asking.identity.until === null) return () => undefined;
      const request = { asking, end: onEnd };
      open.add(request);
      arm();
      return () => void open.delete(request);
    },
    close() {
      isClosed = true;
      cancel?.();
      open.clear();
    },
  };
}
