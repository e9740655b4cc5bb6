import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { errorBody, HaystackError, toHaystackError, type ErrorCode } from "../errors.ts";
import { ERROR_CATALOGUE } from "../error-catalogue.ts";
import { aboutAddress } from "./insight/routes.ts";
import type { ServerParts } from "./parts.ts";
import { redactor } from "../config.ts";

/** What the framework refuses by itself, by the status that it would answer. */
const REFUSALS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  404: [
    "ROUTE_NOT_FOUND",
    "There is nothing at this address; see /api/v1/openapi.json for what there is.",
  ],
  406: [
    "NOT_ACCEPTABLE",
    "This address offers no type that the Accept header allows; change the header.",
  ],
  408: ["REQUEST_TOO_SLOW", "The request did not arrive in time; send it again without pauses."],
  412: [
    "PRECONDITION_FAILED",
    "The file is not the one that If-Match or If-Unmodified-Since asks for; send the request without that header.",
  ],
  413: ["REQUEST_TOO_LARGE", "The body is larger than this server accepts; send less."],
  415: [
    "MEDIA_TYPE_UNSUPPORTED",
    "This address does not accept a body of that type; send JSON with `Content-Type: application/json`.",
  ],
  416: [
    "RANGE_UNSATISFIABLE",
    "The file has no such range; ask for one within the length in Content-Range.",
  ],
  431: ["REQUEST_TOO_LARGE", "The headers are larger than this server accepts; send less."],
};
const UNREADABLE = [
  "USAGE",
  "The request cannot be parsed; send well-formed JSON without the keys __proto__ and constructor, to an address in /api/v1/openapi.json.",
] as const;

function refusal(status: number): HaystackError {
  const [code, sentence] = REFUSALS[status] ?? UNREADABLE;
  return new HaystackError(code, sentence);
}

const PLACES: Readonly<Record<string, string>> = {
  body: "body",
  params: "address",
  querystring: "query string",
  headers: "headers",
};

/** The status of a refusal by the framework; none for an error of ours. */
function refusalStatus(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || thrown instanceof HaystackError) return undefined;
  const { statusCode } = thrown as { statusCode?: unknown };
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500
    ? statusCode
    : undefined;
}

function toRequestError(thrown: unknown): HaystackError {
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const place = `The ${PLACES[thrown.validationContext ?? ""] ?? "request"}`;
    const problems = thrown.validation.map(({ instancePath, message }) => {
      const name = instancePath.slice(1).replaceAll("/", ".");
      return `${name === "" ? "it" : name} ${message ?? "cannot be used"}`;
    });
    return new HaystackError("USAGE", `${place} is not valid: ${problems.join("; ")}.`);
  }
  const status = refusalStatus(thrown);
  return status === undefined ? toHaystackError(thrown) : refusal(status);
}

type AnswerError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/**
 * Answers any error in the one form: secrets hidden, and of our own faults no more than where the
 * log tells of them.
 */
export function errorAnswer({
  config,
  logger,
}: Pick<ServerParts, "config" | "logger">): AnswerError {
  const redact = redactor(config);
  return (thrown, request, reply) => {
    const error = toRequestError(thrown);
    const body = errorBody(error);
    const status = ERROR_CATALOGUE[error.code].httpStatus;
    if (status >= 500)
      logger.error(
        {
          ...aboutAddress(request),
          code: error.code,
          problem: redact(error.stack ?? error.message),
          request_id: request.id,
          method: request.method,
          path: request.url.split("?")[0],
        },
        "A request failed",
      );
    if (status === 401 && config.AUTH === "token") void reply.header("www-authenticate", "Bearer");
    const shown =
      error.code === "INTERNAL"
        ? {
            error: body.error,
            error_type: body.error_type,
            message: `The server failed to answer; its operator finds the reason in the log under ${request.id}.`,
          }
        : body;
    return reply
      .code(status)
      .type("application/json; charset=utf-8")
      .serializer(String)
      .send(redact(JSON.stringify(shown)));
  };
}

/** What does not reach the routes is answered in the same form. */
export function handleErrors(app: FastifyInstance, answer: AnswerError): void {
  app.setErrorHandler(answer);
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) =>
    answer(refusal(404), request, reply),
  );
}

/** Answers a client whose bytes are no HTTP request, or come too slowly to be one. */
export function answerClientError(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (!socket.writable) return void socket.destroy();
  const status =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? 408
      : error.code === "HPE_HEADER_OVERFLOW"
        ? 431
        : 400;
  const body = JSON.stringify(errorBody(refusal(status)));
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}
