import { toHaystackError } from "../../errors.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { tokenIdentity } from "./identify.ts";

/** How often it is looked whether those who are being answered still may ask. */
const EVERY_MS = 400;
/** For so long an answer goes on while that cannot be found out. */
const UNKNOWN_MS = 10_000;

interface OpenRequest {
  readonly identity: Identity;
  readonly end: () => void;
}

/** The requests that are being answered. */
export interface OpenRequests {
  /**
   * Calls `end`, once, when what the identity rests on expires, is revoked or loses the right of an
   * administrator, in whatever process that happens. The answer forgets it.
   */
  watch(identity: Identity, end: () => void): () => void;
  close(): void;
}

/**
 * Ends answers that outlast the right to them: event streams, sockets, downloads.
 *
 * 1. What is answered before the next look is never looked at.
 * 2. However many are open, one question to the store tells of all.
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
  const isOver = ({ identity: { until } }: OpenRequest): boolean =>
    until !== null && until <= clock.now();

  const look = async (): Promise<void> => {
    for (const request of open) if (isOver(request)) end(request);
    if (config.AUTH !== "token" || open.size === 0) return;
    const asked = [...open];
    const ids = [...new Set(asked.map(({ identity }) => identity.credential))];
    const tokens = new Map((await access.tokensOf(ids)).map((token) => [token.id, token]));
    for (const request of asked) {
      const { credential, owner, role } = request.identity;
      const token = tokens.get(credential);
      const stands = token === undefined ? null : identityOf(token, clock.now());
      if (stands?.owner !== owner || (role === "admin" && stands.role !== "admin")) end(request);
    }
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
    watch(identity, onEnd) {
      if (identity.until === null) return () => undefined;
      const request = { identity, end: onEnd };
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
