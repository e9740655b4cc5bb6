import type { ServerResponse } from "node:http";
import type { Clock } from "../../services/clock/index.ts";

/** A reader that takes fewer bytes than these in that time is disconnected; it may resume. */
const LOOK_MS = 30_000;
const LEAST_BYTES = 30_000;

/** Ends a download that takes longer than it may, or whose reader hardly reads. */
export function endSlowReading(response: ServerResponse, clock: Clock, minutes: number): void {
  const until = clock.now() + minutes * 60_000;
  let taken = response.socket?.bytesWritten ?? 0;
  let forget = (): void => undefined;
  const look = (): void => {
    const written = response.socket?.bytesWritten ?? 0;
    if (clock.now() >= until || written - taken < LEAST_BYTES) return void response.destroy();
    taken = written;
    forget = clock.at(Math.min(until, clock.now() + LOOK_MS), look);
  };
  forget = clock.at(Math.min(until, clock.now() + LOOK_MS), look);
  response.once("close", () => forget());
}
