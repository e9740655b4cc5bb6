import type { IncomingMessage, ServerResponse } from "node:http";
import { serveLoopback } from "./loopback-server.ts";

/** A local collector that takes OTLP traces as JSON. */

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: {
      readonly stringValue?: string;
      readonly intValue?: number;
      readonly doubleValue?: number;
    };
  }[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

export interface OtlpServer {
  readonly endpoint: string;
  readonly requests: readonly {
    readonly path: string;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly text: string;
    readonly body: OtlpBody;
  }[];
  spans(): readonly OtlpSpan[];
}

export async function startCollector(status = 200): Promise<OtlpServer> {
  const requests: OtlpServer["requests"][number][] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    requests.push({
      path: request.url ?? "",
      headers: request.headers,
      text,
      body: JSON.parse(text) as OtlpBody,
    });
    response.writeHead(status, { "content-type": "application/json" }).end("{}");
  };
  const endpoint = await serveLoopback((request, response) => void handle(request, response));
  return {
    endpoint,
    requests,
    spans: () =>
      requests.flatMap(({ body }) =>
        body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
  };
}

export const attributesOf = ({
  attributes,
}: OtlpSpan): Record<string, string | number | undefined> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.doubleValue,
    ]),
  );
