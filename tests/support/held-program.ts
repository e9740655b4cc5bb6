import { createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/**
 * An inference program that never ends, and each of its processes as a connection that lasts as
 * long as the process.
 */
export async function heldProgram() {
  const begun: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined).resume();
    const take = waiting.shift();
    if (take === undefined) begun.push(socket);
    else take(socket);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  return {
    command: `"${process.execPath}" -e "net.connect(${(server.address() as AddressInfo).port},'127.0.0.1')" {prompt} {query} {output} {seed}`,
    next: () =>
      new Promise<Socket>((resolve) => {
        const socket = begun.shift();
        if (socket === undefined) waiting.push(resolve);
        else resolve(socket);
      }),
  };
}
