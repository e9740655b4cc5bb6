import { bindRunMachine } from "../../../actors/host/bind-run-machine.ts";
import { NO_CEILINGS } from "../ceilings.ts";
import type { StepPorts } from "../../../actors/ports.ts";
import { createSupervisor, type Supervisor } from "../../../actors/supervisor/supervisor.ts";
import { usageOf } from "../../../actors/host/usage.ts";
import { HaystackError, type ErrorCode } from "../../../errors.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { Standing, SteadyClock, TimeSource } from "../../../services/clock/steady.ts";
import type { MailService } from "../../../services/mail/index.ts";
import type { RunDocument } from "../../../services/runs/document.ts";
import type { RunStore } from "../../../services/runs/index.ts";
import type { BatchWorld } from "./batch-world.ts";
import type { CrowdWatch } from "./crowd-watch.ts";
import { daemonProcess, type DaemonProcess } from "./daemon-process.ts";
import type { JobEventChannel } from "./job-event-channel.ts";
import { machine, shortagesMet } from "./machine.ts";
import { network } from "./network.ts";
import { seededRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { simulatedEffects } from "./simulated-effects.ts";
import { storeClient, storeUnavailable } from "./store-client.ts";
import type { Fault, Service, Witness } from "./witness.ts";

/** One daemon in the world: the production supervisor behind faulty networks. */
export interface SimulatedDaemon {
  readonly process: DaemonProcess;
  readonly supervisor: Supervisor;
  /** As its HTTP interface does. */
  insert(document: RunDocument): Promise<void>;
}

export interface World {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly clock: Clock;
  readonly openStore: (process: DaemonProcess) => RunStore;
  readonly batch: BatchWorld;
  readonly channel: JobEventChannel;
  readonly witness: Witness;
  readonly crowd: CrowdWatch;
  /** How far the clock of the daemons' machine is ahead. */
  readonly setBy: () => number;
  readonly clockOf?: ((source: TimeSource) => SteadyClock) | undefined;
  /** The process is about to host the run, which may end it. */
  readonly takesUp: (process: DaemonProcess, runId: string) => void;
}

/** What a daemon in a bad world may report; anything else is a fault of its own. */
const EXPECTED_TROUBLES: ReadonlySet<string> = new Set([
  "STORE_UNAVAILABLE",
  "BATCH_UNAVAILABLE",
  "COMMIT_CONFLICT",
  "LEASE_LOST",
  "COMPUTE_ENDED",
  "DISK_FULL",
  "TOO_MANY_FILES",
  "RECORD_UNREADABLE",
  "RECORD_REFUSED",
  "RUN_ENDS_PROCESS",
]);
const STRUCK: Readonly<Partial<Record<ErrorCode, Fault>>> = {
  LEASE_LOST: "lease lost",
  COMMIT_CONFLICT: "lease lost",
  RECORD_UNREADABLE: "record damaged",
  RECORD_REFUSED: "write refused",
};
/** What a mail takes beside a crowd. Milliseconds. */
const MAIL_MS = { least: 500, most: 1_500 };

export function startDaemon(
  world: World,
  { daemon, name }: { readonly daemon: number; readonly name: string },
  earlier?: Standing,
): SimulatedDaemon {
  const { seed, scenario, witness, batch } = world;
  const process = daemonProcess(name, world.clock, world.setBy(), earlier, world.clockOf);
  const stream = (part: string) => seededRandom(seed, `${name}/${part}`);
  const net = (service: Service, unavailable: () => HaystackError) =>
    network(
      {
        service,
        process,
        clock: world.clock,
        random: stream(service),
        faults: service === "store" ? scenario.storeFaults : scenario.serviceFaults,
        witness,
      },
      unavailable,
    );
  const { shortage } = scenario;
  const own = machine({
    clock: world.clock,
    random: stream("machine"),
    shortage: shortage?.daemon === daemon ? shortage : null,
    faultsUntil: scenario.faultsUntil,
    onFault: witness.fault,
  });
  const shortages = shortagesMet();
  const store = storeClient(world.openStore(process), net("store", storeUnavailable), own, {
    onOwed: (user) => world.crowd.owes(process, user),
    onLoads() {
      if (shortages.any() && process.alive)
        witness.violated("admission", `${name} looks for more while its machine has run out`);
    },
    onKnown: (record) => witness.known(process, record),
    onRefused: (runId) => witness.refused(process, runId),
    onRelease: (runId, token) => witness.released(process, runId, token),
  });

  const mailNetwork = net(
    "mail",
    () => new HaystackError("MAIL_UNAVAILABLE", "The simulated mail service gave no answer."),
  );
  const mails = stream("mails");
  const mail: MailService = {
    async send({ key, to }) {
      let sent: ReturnType<Witness["mailSent"]> | undefined;
      const ends = world.crowd.mailBegins(process, to);
      try {
        await mailNetwork.call(async () => {
          sent = witness.mailSent(process, key.split(".")[0] ?? "", key);
          if (scenario.crowded)
            await new Promise<void>((resolve) =>
              process.later(mails.between(MAIL_MS.least, MAIL_MS.most), resolve),
            );
        });
      } catch (thrown) {
        if (sent !== undefined) sent.uncertain = true;
        throw thrown;
      } finally {
        ends();
      }
    },
    close: () => Promise.resolve(),
  };

  const objectNetwork = net(
    "objects",
    () => new HaystackError("OBJECTS_UNAVAILABLE", "The simulated objects gave no answer."),
  );
  const ports = {
    batch: batch.client(
      net("batch", () => new HaystackError("INTERNAL", "The simulated Batch gave no answer.")),
      own,
    ),
    clock: process.clock,
    runs: store,
    ceilings: NO_CEILINGS,
    reconcileMs: scenario.reconcileMs,
    objects: {
      fetch: ({ path }: { readonly path: string }) =>
        objectNetwork.call(() => {
          const fault = own.faultOf("object");
          if (fault !== undefined) throw fault;
          const missing =
            [...batch.jobs.values()].findLast(
              ({ spec, state }) =>
                spec.pairs.some(({ output }) => output === path) && state === "SUCCEEDED",
            )?.output_valid === false;
          if (missing) throw new HaystackError("OBJECT_NOT_FOUND", `There is no object ${path}.`);
          return path;
        }),
      remove: (path: string) => objectNetwork.call(() => batch.removed(path)),
    },
    compute: {
      async run() {
        const fault = own.faultOf("check");
        if (fault !== undefined) throw fault;
        return "0";
      },
    },
  } as unknown as StepPorts;

  const effects = simulatedEffects({
    process,
    witness,
    random: stream("science"),
    machine: own,
    shortages,
    isFaulty: () => world.clock.now() < scenario.faultsUntil,
    ports,
    runs: scenario.runs,
  });
  const jitter = stream("jitter");
  const supervisor = createSupervisor({
    store,
    machine: bindRunMachine(effects),
    clock: process.clock,
    jobEvents: world.channel.client(process),
    mail,
    composeMail: async (document, { key, kind }) => ({
      key,
      to: document.user_email ?? "",
      subject: kind,
      text: kind,
      html: kind,
    }),
    usage: usageOf({ name: "simulated", is_baseline: true }),
    owner: name,
    limits: { maxActive: scenario.maxActive, maxActivePerUser: scenario.maxActive },
    sweeps: true,
    jobs: {
      ...batch.client(
        net(
          "batch",
          () => new HaystackError("BATCH_UNAVAILABLE", "The simulated Batch gave no answer."),
        ),
        own,
      ),
      everyMs: scenario.reconcileMs,
    },
    async dispatch({ document }) {
      world.takesUp(process, document.run_id);
      return process.alive ? "host" : new Promise(() => undefined);
    },
    leaseMs: scenario.leaseMs,
    pollMs: scenario.pollMs,
    passivateMs: scenario.passivateMs,
    random: () => jitter.between(0, 1_000) / 1_000,
    onTrouble: ({ code, message }) => {
      witness.trace(`trouble ${name} ${code} ${message}`);
      const fault = STRUCK[code];
      if (fault !== undefined) witness.fault(fault);
      const isRefusal = code === "INTERNAL" && message.startsWith("The store refuses the write");
      if (!EXPECTED_TROUBLES.has(code) && !isRefusal)
        witness.violated("trouble", `${name} reports ${code}: ${message}`);
    },
  });
  void supervisor.start();
  return { process, supervisor, insert: (document) => supervisor.submit(document) };
}
