import { createServer, request as ask } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A forward proxy on this machine, which knows where the names of a test are. */
export interface ProxyServer {
  readonly address: string;
  /** What was asked for, as METHOD host:port. */
  readonly asked: string[];
}

/** `hosts`: addresses on this machine by name; other names are answered with 502. */
export async function startProxy(hosts: Readonly<Record<string, string>>): Promise<ProxyServer> {
  const asked: string[] = [];
  const place = (name: string): URL | undefined =>
    hosts[name] === undefined ? undefined : new URL(hosts[name]);
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://origin-form.example");
    asked.push(`${request.method} ${url.hostname}`);
    const at = place(url.hostname);
    if (at === undefined) {
      response.writeHead(502).end();
      return;
    }
    const passed = ask(
      {
        host: at.hostname,
        port: at.port,
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: request.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    passed.once("error", () => response.destroy());
    request.pipe(passed);
  });
  server.on("connect", (request, socket, head) => {
    const url = new URL(`http://${request.url}`);
    asked.push(`CONNECT ${url.hostname}`);
    const at = place(url.hostname);
    if (at === undefined) {
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    const there = connect(Number(at.port), at.hostname, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      there.write(head);
      there.pipe(socket).pipe(there);
    });
    there.once("error", () => socket.destroy());
    socket.once("error", () => there.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(
    () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  );
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
