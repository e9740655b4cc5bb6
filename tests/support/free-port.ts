import { createServer } from "node:net";

/**
 * Below the ports that systems give to outgoing connections and to port 0, so that nobody is given
 * one of these by chance.
 */
const FIRST = 10_000;
const PORTS_OF_WORKER = 400;
const WORKERS = 50;

/**
 * Test files that run at the same time have each their own ports; files and runs that follow one
 * another begin at different ones.
 */
const first = FIRST + (Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS) * PORTS_OF_WORKER;
let next = process.pid;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/** A port of 127.0.0.1 that nobody listens on, and that nobody else takes before its time. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS_OF_WORKER; tried++) {
    const port = first + (next++ % PORTS_OF_WORKER);
    if (await isFree(port)) return port;
  }
  throw new Error("No free port.");
}
