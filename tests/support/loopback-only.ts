import { Socket } from "node:net";
import { afterAll, beforeAll, expect } from "vitest";

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1|ipv4:127\..*)$/;

function hostOf(first: unknown, second: unknown): string | undefined {
  const options: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof options === "number") return typeof second === "string" ? second : "localhost";
  if (typeof options !== "object" || options === null || "path" in options && typeof options.path === "string" && !("port" in options)) return undefined;
  return "host" in options && typeof options.host === "string" ? options.host : "localhost";
}

/** Fails the file when any connection of this process was dialled to another machine. */
export function onlyLoopbackIsDialled(): void {
  const original = Socket.prototype.connect;
  const outside: string[] = [];
  let dials = 0;
  beforeAll(() => {
    Socket.prototype.connect = function (this: Socket, ...given: Parameters<Socket["connect"]>) {
      const host = hostOf(given[0], given[1]);
      if (host !== undefined) dials++;
      if (host !== undefined && !LOOPBACK.test(host)) outside.push(host);
      return original.apply(this, given);
    } as typeof original;
  });
  afterAll(() => {
    Socket.prototype.connect = original;
    expect(dials).toBeGreaterThan(0);
    expect(outside).toEqual([]);
  });
}
