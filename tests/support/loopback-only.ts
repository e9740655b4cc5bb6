import { Socket } from "node:net";
import { afterAll, beforeAll, expect } from "vitest";
import { hostOf, LOOPBACK } from "./loopback-host.ts";

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
