import type { Clock } from "../../../services/clock/index.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { PlannedTrouble } from "./planned-troubles.ts";
import { startDaemon, type SimulatedDaemon, type World } from "./simulated-daemon.ts";
import { CLIENT_TIMEOUT_MS } from "./users.ts";
import type { Witness } from "./witness.ts";

/** The daemons of a world: started, struck, and started again. */
export interface Daemons {
  startAll(troubles: readonly PlannedTrouble[]): void;
  living(): readonly SimulatedDaemon[];
  /** How far the clock of their machine is ahead. */
  setBy(): number;
  /** Processes that ended without being asked to. */
  deaths(): number;
  /** The process ends at this moment, and another one comes after a while. */
  end(process: DaemonProcess, ms: number): void;
  killAll(): void;
}

export interface DaemonsOptions {
  readonly clock: Clock;
  readonly count: number;
  readonly witness: Witness;
  /** For so long at most a daemon stops, where nothing but its work is in its way; null elsewhere. */
  readonly longestStopMs: number | null;
  readonly world: () => World;
}

export function createDaemons({
  clock,
  count,
  witness,
  longestStopMs,
  world,
}: DaemonsOptions): Daemons {
  const present = new Map<number, SimulatedDaemon>();
  const incarnations = new Map<number, number>();
  let setBy = 0;
  let deaths = 0;
  const after = (ms: number, work: () => void): void => void clock.at(clock.now() + ms, work);
  const living = (): SimulatedDaemon[] =>
    [...present.values()].filter(({ process }) => process.alive);

  const start = (daemon: number): void => {
    const incarnation = (incarnations.get(daemon) ?? 0) + 1;
    incarnations.set(daemon, incarnation);
    witness.trace(`start d${daemon}.${incarnation}`);
    const earlier = present.get(daemon)?.process.clock.standing();
    present.set(
      daemon,
      startDaemon(world(), { daemon, name: `d${daemon}.${incarnation}` }, earlier),
    );
  };

  const end = (process: DaemonProcess, ms: number): void => {
    const [daemon] = [...present].find(([, each]) => each.process === process) ?? [];
    if (daemon === undefined || !process.alive) return;
    process.kill();
    after(ms, () => start(daemon));
  };

  const setClocks = (by: number): void => {
    setBy += by;
    for (const { process } of present.values()) process.setClock(by);
  };

  const drain = ({ process, supervisor }: SimulatedDaemon, ms: number): void => {
    const asked = clock.now();
    const stopped = (): void => {
      const took = clock.now() - asked;
      if (longestStopMs !== null && process.alive && took > longestStopMs)
        witness.violated("crowd", `${process.name} took ${took} ms to stop`);
      end(process, ms);
    };
    void supervisor.stop().then(stopped);
    after(CLIENT_TIMEOUT_MS, () => {
      if (longestStopMs !== null && process.alive)
        witness.violated("crowd", `${process.name} has not stopped after ${CLIENT_TIMEOUT_MS} ms`);
      end(process, ms);
    });
  };

  const strike = ({ kind, daemon, ms }: PlannedTrouble): void => {
    if (kind === "clock set back" || kind === "clock set forward") {
      witness.trace(`${kind} by ${ms}`);
      witness.fault(kind);
      return setClocks(kind === "clock set back" ? -ms : ms);
    }
    const struck = present.get(daemon);
    if (struck?.process.alive !== true) return;
    witness.trace(`${kind} ${struck.process.name}`);
    witness.fault(kind);
    if (living().length > 1) witness.fault("two daemons");
    if (kind === "stall") return struck.process.stallUntil(clock.now() + ms);
    if (kind === "drain") return drain(struck, ms);
    deaths += 1;
    end(struck.process, ms);
  };

  return {
    startAll(troubles) {
      for (let daemon = 1; daemon <= count; daemon++) start(daemon);
      for (const trouble of troubles) clock.at(trouble.at, () => strike(trouble));
    },
    living,
    setBy: () => setBy,
    deaths: () => deaths,
    end(process, ms) {
      deaths += 1;
      end(process, ms);
    },
    killAll() {
      for (const { process } of present.values()) process.kill();
    },
  };
}
