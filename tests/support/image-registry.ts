import { serveLoopback } from "./loopback-server.ts";

/** A local registry that tells by the OCI distribution protocol which manifests it has. */
export interface ImageRegistry {
  /** host:port, the first part of an image's name. */
  readonly host: string;
  /** "repository:tag" or "repository@digest". */
  readonly images: Set<string>;
  /** Status of every answer, in place of what is there. */
  refuse(status: number): void;
}

export async function startImageRegistry(): Promise<ImageRegistry> {
  const images = new Set<string>();
  let refused: number | undefined;
  const address = await serveLoopback(({ method, url }, response) => {
    const [, repository = "", reference = ""] =
      /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url ?? "") ?? [];
    const has =
      method === "HEAD" &&
      images.has(`${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`);
    response.writeHead(refused ?? (has ? 200 : 404)).end();
  });
  return { host: new URL(address).host, images, refuse: (status) => void (refused = status) };
}
