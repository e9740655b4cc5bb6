import type { components, paths } from "./described.d.ts";

/** Asks the daemon, as the user who looks. All types come from what the daemon says of its API. */

type Schemas = components["schemas"];
export type Run = Schemas["RunStatus"];
export type ListedRun = Schemas["ListedRun"];
export type FollowedRun = Omit<ListedRun, "interrupted">;
export type Result = Schemas["RunResult"];
export type Check = Schemas["QuestionCheck"];
export type Session = Schemas["Session"];
export type Upload = Schemas["Upload"];
export type Inspection = Schemas["Inspection"];
export type ErrorBody = Schemas["Error"];

type Content<Answer> = Answer extends { content: { "application/json": infer Told } }
  ? Told
  : never;
type Good<Asked> = Asked extends { responses: infer Responses }
  ? Content<Responses[Extract<keyof Responses, 200 | 201 | 202>]>
  : never;
type Body<Asked> = Asked extends { requestBody: { content: { "application/json": infer Sent } } }
  ? Sent
  : undefined;
type Query<Asked> = Asked extends { parameters: { query?: infer Searched } } ? Searched : never;
type Named<Asked> = Asked extends { parameters: { path: infer Names } } ? Names : undefined;
type PathsOf<Method extends string> = {
  [Path in keyof paths]: paths[Path] extends Record<Method, unknown> ? Path : never;
}[keyof paths];
type Operation<Path, Method extends string> = Path extends keyof paths
  ? paths[Path][Method & keyof paths[Path]]
  : never;

interface Ways {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Too many requests, or a daemon, or what it needs, that is away. */
const PASSING: ReadonlySet<number | undefined> = new Set([429, 503, 504]);

/** Why the daemon did not answer as was hoped; `code` is one of its catalogue, or UNREACHABLE. */
export class Refusal extends Error {
  readonly code: ErrorBody["error"] | "UNREACHABLE";
  /** Seconds after which asking again may help. */
  readonly retryAfter: number | undefined;
  /** Whether asking again may help. */
  readonly mayPass: boolean;

  constructor(
    message: string,
    code: Refusal["code"],
    {
      retryAfter,
      status,
    }: { readonly retryAfter?: number | undefined; readonly status?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
    this.mayPass = code === "UNREACHABLE" || PASSING.has(status);
  }
}

const TOKEN = "token";
/** For this tab alone. */
let token = sessionStorage.getItem(TOKEN);

export function keepToken(given: string | null): void {
  token = given;
  if (given === null) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, given);
}
export const hasToken = (): boolean => token !== null;

const onSignedOut = new Set<(why: string) => void>();
/** Told when the daemon does not know who asks. */
export function whenSignedOut(listener: (why: string) => void): () => void {
  onSignedOut.add(listener);
  return () => onSignedOut.delete(listener);
}

const NO_CONTENT = 204;
const UNREACHABLE = "The daemon cannot be reached.";

/** Where the daemon is: beside this document, under whatever path a proxy serves it. */
export const place = (path: string): string =>
  new URL(path.replace(/^\//, ""), document.baseURI.replace(/[?#].*$/, "")).href;

/** Any request; answers other than good ones are thrown as a Refusal. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(place(path), {
      ...init,
      headers: {
        ...(init.headers as Record<string, string> | undefined),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
  } catch (thrown) {
    if (init.signal?.aborted === true) throw thrown;
    throw new Refusal(UNREACHABLE, "UNREACHABLE");
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const refusal = new Refusal(
    body?.message ?? `The server answered ${response.status} without a reason.`,
    body?.error ?? "UNREACHABLE",
    { status: response.status, retryAfter: Number.isFinite(seconds) ? seconds : undefined },
  );
  if (response.status === 401) for (const listener of onSignedOut) listener(refusal.message);
  throw refusal;
}

function filled(path: string, named: Readonly<Record<string, string>> | undefined): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(named?.[name] ?? ""),
  );
}

function queried(asked: object | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(asked ?? {}))
    for (const each of [value].flat())
      if (each !== undefined && each !== "") search.append(name, String(each));
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

export async function get<Path extends PathsOf<"get">>(
  path: Path,
  {
    named,
    asked,
    ...ways
  }: Ways & {
    readonly named?: Named<Operation<Path, "get">>;
    readonly asked?: Query<Operation<Path, "get">>;
  } = {},
): Promise<Good<Operation<Path, "get">>> {
  const address = filled(path, named) + queried(asked);
  return (await request(address, ways as RequestInit)).json() as Promise<
    Good<Operation<Path, "get">>
  >;
}

interface Sending<Path, Method extends string> extends Ways {
  readonly named?: Named<Operation<Path, Method>>;
  readonly body?: Body<Operation<Path, Method>>;
}

async function send(
  method: "POST" | "PUT" | "DELETE",
  path: string,
  {
    named,
    body,
    headers,
    signal,
  }: Ways & { readonly named?: unknown; readonly body?: unknown } = {},
): Promise<unknown> {
  const response = await request(filled(path, named as Readonly<Record<string, string>>), {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  return response.status === NO_CONTENT ? undefined : response.json();
}

export const post = <Path extends PathsOf<"post">>(
  path: Path,
  sending?: Sending<Path, "post">,
): Promise<Good<Operation<Path, "post">>> =>
  send("POST", path, sending) as Promise<Good<Operation<Path, "post">>>;

export const put = <Path extends PathsOf<"put">>(
  path: Path,
  sending?: Sending<Path, "put">,
): Promise<Good<Operation<Path, "put">>> =>
  send("PUT", path, sending) as Promise<Good<Operation<Path, "put">>>;

export const remove = <Path extends PathsOf<"delete">>(
  path: Path,
  sending?: Sending<Path, "delete">,
): Promise<Good<Operation<Path, "delete">>> =>
  send("DELETE", path, sending) as Promise<Good<Operation<Path, "delete">>>;
