/**
 * For `node --import`: every way out of this process but to this machine is refused, as by a
 * network that is down, and its address noted: in the file named by OUTSIDE_DIALS, or, where a
 * process gets a bare environment, by `?notes=` of the specifier. (Of all threads only those made
 * of a text do not load it.)
 */
import dgram from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";

type Callable = (this: unknown, ...given: unknown[]) => unknown;

const LOOPBACK =
  /^(127\.\d+\.\d+\.\d+|(.+\.)?localhost|::1|::ffff:127\.\d+\.\d+\.\d+|0\.0\.0\.0|::|)$/;
const isOutside = (host: unknown): host is string =>
  typeof host === "string" && !LOOPBACK.test(host);

function refusal(how: string, host: string): Error {
  const notes = process.env["OUTSIDE_DIALS"] ?? new URL(import.meta.url).searchParams.get("notes");
  appendFileSync(notes ?? "/dev/stderr", `${host}\n`);
  return Object.assign(new Error(`${how} ${host} was refused: tests stay on this machine.`), {
    code: "ENETUNREACH",
  });
}

function replace(owner: object, name: string, by: (original: Callable) => Callable): void {
  const holder = owner as Record<string, Callable>;
  const original = holder[name];
  if (original !== undefined) holder[name] = by(original);
}

/** The host of Socket.connect(options | port, host?); undefined for a socket of the file system. */
function hostOf(first: unknown, second: unknown): unknown {
  const options: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof options === "number" || (typeof options === "string" && /^\d+$/.test(options)))
    return second;
  return typeof options === "object" && options !== null && "host" in options
    ? options.host
    : undefined;
}

replace(
  net.Socket.prototype,
  "connect",
  (connect) =>
    function (...given) {
      const host = hostOf(given[0], given[1]);
      if (!isOutside(host)) return connect.apply(this, given);
      const error = refusal("A connection to", host);
      const socket = this as net.Socket;
      process.nextTick(() => socket.destroy(error));
      return socket;
    },
);

for (const name of ["send", "connect"]) {
  replace(
    dgram.Socket.prototype,
    name,
    (original) =>
      function (...given) {
        const host = given.slice(1).findLast((value) => typeof value === "string");
        if (isOutside(host)) throw refusal("A datagram to", host);
        return original.apply(this, given);
      },
  );
}

/** An address needs no name server; localhost neither. */
const isAsked = (name: unknown): name is string => isOutside(name) && net.isIP(name) === 0;

for (const owner of [dns, dns.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(owner).filter((key) =>
    /^(lookup|resolve\w*|reverse)$/.test(key),
  )) {
    replace(
      owner,
      name,
      (original) =>
        function (...given) {
          if (!isAsked(given[0])) return original.apply(this, given);
          const error = refusal("The look-up of", given[0]);
          const answer = given.at(-1) as (thrown: Error) => void;
          process.nextTick(() => answer(error));
          return {};
        },
    );
  }
}
for (const owner of [dns.promises, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(owner).filter((key) =>
    /^(lookup|resolve\w*|reverse)$/.test(key),
  )) {
    replace(
      owner,
      name,
      (original) =>
        function (...given) {
          return isAsked(given[0])
            ? Promise.reject(refusal("The look-up of", given[0]))
            : original.apply(this, given);
        },
    );
  }
}
syncBuiltinESMExports();
