import { bindRunMachine } from "../../../actors/host/bind-run-machine.ts";
import { NO_CEILINGS } from "../ceilings.ts";
import type { StepPorts } from "../../../actors/ports.ts";
import { createSupervisor, type Supervisor } from "../../../actors/supervisor/supervisor.ts";
import { usageOf } from "../../../actors/host/usage.ts";
import { HaystackError } from "../../../errors.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { Standing, SteadyClock, TimeSource } from "../../../services/clock/steady.ts";
import type { MailService } from "../../../services/mail/index.ts";
import type { RunDocument } from "../../../services/runs/document.ts";
import type { RunStore } from "../../../services/runs/index.ts";
import type { BatchWorld } from "./batch-world.ts";
import { daemonProcess, type DaemonProcess } from "./daemon-process.ts";
import type { JobEventChannel } from "./job-event-channel.ts";
import { network } from "./network.ts";
import { seededRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { simulatedEffects } from "./simulated-effects.ts";
import { storeClient, storeUnavailable } from "./store-client.ts";
import type { Service, Witness } from "./witness.ts";

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
  /** How far the clock of the daemons' machine is ahead. */
  readonly setBy: () => number;
  readonly clockOf?: ((source: TimeSource) => SteadyClock) | undefined;
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
]);

export function startDaemon(world: World, name: string, earlier?: Standing): SimulatedDaemon {
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
  const store = storeClient(world.openStore(process), net("store", storeUnavailable), {
    onKnown: (record) => witness.known(process, record),
    onRefused: (runId) => witness.refused(process, runId),
    onRelease: (runId, token) => witness.released(process, runId, token),
  });

  const mailNetwork = net(
    "mail",
    () => new HaystackError("MAIL_UNAVAILABLE", "The simulated mail service gave no answer."),
  );
  const mail: MailService = {
    async send({ key }) {
      let sent: ReturnType<Witness["mailSent"]> | undefined;
      try {
        await mailNetwork.call(() => {
          sent = witness.mailSent(process, key.split(".")[0] ?? "", key);
        });
      } catch (thrown) {
        if (sent !== undefined) sent.uncertain = true;
        throw thrown;
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
    ),
    clock: process.clock,
    runs: store,
    ceilings: NO_CEILINGS,
    reconcileMs: scenario.reconcileMs,
    objects: {
      fetch: ({ path }: { readonly path: string }) =>
        objectNetwork.call(() => {
          const missing =
            [...batch.jobs.values()].findLast(
              ({ spec, state }) => spec.output === path && state === "SUCCEEDED",
            )?.output_valid === false;
          if (missing) throw new HaystackError("OBJECT_NOT_FOUND", `There is no object ${path}.`);
          return path;
        }),
    },
    compute: { run: async () => "0" },
  } as unknown as StepPorts;

  const effects = simulatedEffects({
    process,
    witness,
    random: stream("science"),
    machine: stream("machine"),
    faultsUntil: scenario.faultsUntil,
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
      ),
      everyMs: scenario.reconcileMs,
    },
    leaseMs: scenario.leaseMs,
    pollMs: scenario.pollMs,
    passivateMs: scenario.passivateMs,
    random: () => jitter.between(0, 1_000) / 1_000,
    onTrouble: ({ code, message }) => {
      witness.trace(`trouble ${name} ${code} ${message}`);
      if (code === "LEASE_LOST" || code === "COMMIT_CONFLICT") witness.fault("lease lost");
      if (!EXPECTED_TROUBLES.has(code))
        witness.violated("trouble", `${name} reports ${code}: ${message}`);
    },
  });
  void supervisor.start();
  return { process, supervisor, insert: (document) => supervisor.submit(document) };
}
