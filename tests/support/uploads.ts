import { expect } from "vitest";
import type { TestServer } from "./server.ts";

interface Told {
  readonly id: string;
  readonly received: number;
  readonly state: string;
  readonly dataset: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly message: string;
  readonly warnings: unknown;
}
/** An answer, or, where `error` is a text, a refusal. */
interface Answer {
  readonly status: number;
  readonly body: Omit<Told, "error"> & { readonly error: unknown };
}

const PIECE = 1_000_000;
const ROOT = "root@example.org";

/** An administrator who sends files to a server. */
export async function adminUploads(server: TestServer) {
  const headers = { authorization: `Bearer ${await server.token(ROOT, "admin")}` };
  const base = `${server.url}/admin/uploads`;
  const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const isBytes = body instanceof Uint8Array;
    const type = isBytes ? "application/octet-stream" : "application/json";
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": type }) },
      ...(body === undefined
        ? {}
        : { body: isBytes ? new Blob([Buffer.from(body)]) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      body: (text === "" ? {} : JSON.parse(text)) as Answer["body"],
    };
  };
  const list = async (): Promise<{ readonly uploads: readonly Told[] }> =>
    (await ask("GET", "")).body as unknown as { uploads: Told[] };
  const begin = (name: string, bytes: number): Promise<Answer> => ask("POST", "", { name, bytes });
  const append = (id: string, offset: number, piece: Uint8Array): Promise<Answer> =>
    ask("PUT", `/${id}/content?offset=${offset}`, piece);
  return {
    headers,
    list,
    begin,
    append,
    inspect: (id: string) => ask("POST", `/${id}/inspection`),
    import: (id: string, body: unknown) => ask("POST", `/${id}/import`, body),
    discard: (id: string) => ask("DELETE", `/${id}`),
    /** The whole file; its id. */
    async send(name: string, content: Uint8Array): Promise<string> {
      const { id } = (await begin(name, content.length)).body;
      for (let offset = 0; offset < content.length; offset += PIECE)
        await append(id, offset, content.subarray(offset, offset + PIECE));
      return id;
    },
    /** The upload when its import has ended. */
    async settled(id: string): Promise<Told> {
      const stands = async () => (await list()).uploads.find((upload) => upload.id === id);
      await expect
        .poll(async () => (await stands())?.state, { timeout: 120_000, interval: 250 })
        .not.toBe("importing");
      const found = await stands();
      if (found === undefined) throw new Error("The upload is gone.");
      return found;
    },
  };
}
