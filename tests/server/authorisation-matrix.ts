import { createHash } from "node:crypto";
import type { GuardedRoute } from "../../server/access/guard.ts";

/** A way to say who asks: the headers that it sends. */
export type Credential = Readonly<Record<string, string>>;

export interface Callers {
  /** By name, each of them nobody. */
  readonly strangers: Readonly<Record<string, Credential>>;
  readonly user: Credential;
  readonly otherUser: Credential;
  /** Whom the user shares the run with. */
  readonly reader: Credential;
  readonly admin: Credential;
}

export interface RunOfUser {
  readonly run_id: string;
  readonly unknown_run_id: string;
}

interface Answer {
  readonly status: number;
  readonly error: string | undefined;
  /** Hash of the body without the run's own name. */
  readonly body: string;
}

const LONGEST_ANSWER_MS = 20_000;

async function ask(
  url: string,
  route: GuardedRoute,
  credential: Credential,
  runId: string,
): Promise<Answer> {
  const path = route.url.replaceAll(":id", runId).replaceAll(/:\w+/g, "1").replaceAll("*", "x");
  const response = await fetch(`${url}${path}`, {
    method: route.method,
    headers: credential,
    signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
    redirect: "manual",
  });
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  if (!isJson) {
    await response.body?.cancel();
    return { status: response.status, error: undefined, body: "" };
  }
  const text = await response.text();
  const { error } = (text === "" ? {} : JSON.parse(text)) as { error?: string };
  return {
    status: response.status,
    error,
    body: createHash("sha256").update(text.replaceAll(runId, "RUN")).digest("hex"),
  };
}

/** What somebody may do whom a run is shared with: read it, but not who else reads it. */
const mayRead = ({ method, url }: GuardedRoute): boolean =>
  ["GET", "HEAD"].includes(method) && !url.includes("/shares");

const isRefused = ({ status }: Answer): boolean => status === 401 || status === 403;

/**
 * Every route asked by every caller; what differs from the rules, in words. Those who may do the
 * most come last.
 */
export async function breaches(
  url: string,
  routes: readonly GuardedRoute[],
  { strangers, user, otherUser, reader, admin }: Callers,
  run: RunOfUser,
): Promise<string[]> {
  const found: string[] = [];
  const check = async (
    route: GuardedRoute,
    who: string,
    credential: Credential,
    runId: string,
    fits: (answer: Answer) => boolean,
  ): Promise<Answer> => {
    const answer = await ask(url, route, credential, runId);
    if (!fits(answer))
      found.push(
        `${route.method} ${route.url} (${route.access}) answers ${answer.status} ${answer.error ?? ""} to ${who}`,
      );
    return answer;
  };
  const hasBody = ({ method }: GuardedRoute): boolean => method !== "HEAD";
  for (const route of routes) {
    const closed = route.access !== "public";
    for (const [who, credential] of Object.entries(strangers)) {
      await check(route, who, credential, run.run_id, (answer) =>
        closed
          ? answer.status === 401 && (!hasBody(route) || answer.error === "UNAUTHENTICATED")
          : !isRefused(answer),
      );
    }
    if (route.access === "admin") {
      for (const credential of [user, otherUser, reader])
        await check(
          route,
          "a user",
          credential,
          run.run_id,
          (answer) => answer.status === 403 && (!hasBody(route) || answer.error === "FORBIDDEN"),
        );
    }
    if (route.access === "user" && route.url.includes("/runs/:id")) {
      const others = await check(
        route,
        "another user",
        otherUser,
        run.run_id,
        (answer) => answer.status === 404 && (!hasBody(route) || answer.error === "RUN_NOT_FOUND"),
      );
      await check(
        route,
        "another user, not as an unknown run",
        otherUser,
        run.unknown_run_id,
        (answer) => answer.status === others.status && answer.body === others.body,
      );
      await check(route, "whom it is shared with", reader, run.run_id, (answer) =>
        mayRead(route)
          ? !isRefused(answer) && answer.error !== "RUN_NOT_FOUND"
          : answer.status === 403 && (!hasBody(route) || answer.error === "FORBIDDEN"),
      );
    }
  }
  for (const route of routes) {
    if (route.access !== "admin")
      await check(route, "the user", user, run.run_id, (answer) => !isRefused(answer));
    await check(route, "an administrator", admin, run.run_id, (answer) => !isRefused(answer));
  }
  return found;
}
