import { appendFileSync } from "node:fs";
import { Socket } from "node:net";
import { hostOf, LOOPBACK } from "./loopback-host.ts";

/** For `node --import`: a connection to another machine is refused, and its address noted in the file OUTSIDE_DIALS. */
const { connect } = Socket.prototype;
Socket.prototype.connect = function (this: Socket, ...given: Parameters<Socket["connect"]>) {
  const host = hostOf(given[0], given[1]);
  if (host === undefined || LOOPBACK.test(host)) return connect.apply(this, given);
  appendFileSync(process.env["OUTSIDE_DIALS"] ?? "/dev/stderr", `${host}\n`);
  throw new Error(`A connection to ${host} was refused: tests stay on this machine.`);
} as typeof connect;
