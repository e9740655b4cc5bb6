import type { WebSocket } from "@fastify/websocket";
import type { InspectionMessage } from "../../actors/inspection/messages.ts";
import type { Clock } from "../../services/clock/index.ts";

/**
 * A viewer that leaves so much unread is disconnected: it may come back and be told the present
 * state.
 */
const SLOW_VIEWER_BYTES = 4 * 1024 * 1024;
/** While so much is unread it is told of no further runs that were live before. */
const ROOM_BYTES = 256 * 1024;
/** So that a proxy does not take a quiet socket for a dead one. */
const HEARTBEAT_MS = 30_000;
/** So long after its beginning an inspection ends, so that the viewer says again who it is. */
const LONGEST_MS = 3_600_000;
/** For how long such a viewer may take to say goodbye. */
const GOODBYE_MS = 300;
/** Close codes of the WebSocket protocol. */
const NORMAL_END = 1000;
const POLICY = 1008;
const TRY_AGAIN_LATER = 1013;

/** Sends inspection messages over one WebSocket, and never waits for it. */
export interface SocketViewer {
  send(message: InspectionMessage): void;
  room(): Promise<void>;
}

/**
 * Ends a socket whose viewer may no longer look; one that does not say goodbye is cut off.
 */
export function endAccess(socket: WebSocket, clock: Clock): void {
  socket.close(POLICY, "Your right to look has ended; sign in again.");
  const forget = clock.after(GOODBYE_MS, () => socket.terminate());
  socket.once("close", forget);
}

/** Keeps a socket open for an hour; `onClose` is called when it has closed, for whatever reason. */
export function keepOpen(socket: WebSocket, clock: Clock, onClose: () => void): void {
  const end = clock.after(LONGEST_MS, () =>
    socket.close(NORMAL_END, "An inspection ends after an hour; attach again."),
  );
  let cancelBeat = (): void => undefined;
  const beat = (): void => {
    socket.ping();
    cancelBeat = clock.after(HEARTBEAT_MS, beat);
  };
  beat();
  socket.on("close", () => {
    end();
    cancelBeat();
    onClose();
  });
}

export function socketViewer(socket: WebSocket): SocketViewer {
  const isOpen = (): boolean => socket.readyState === socket.OPEN;
  return {
    send(message) {
      if (!isOpen()) return;
      socket.send(JSON.stringify(message));
      if (socket.bufferedAmount <= SLOW_VIEWER_BYTES) return;
      socket.close(TRY_AGAIN_LATER, "The messages were not read in time.");
      socket.terminate();
    },
    async room() {
      if (isOpen() && socket.bufferedAmount > ROOM_BYTES) {
        // An empty ping leaves after everything before it.
        await new Promise<void>((resolve, reject) =>
          socket.ping("", undefined, (error?: Error) =>
            error === undefined ? resolve() : reject(error),
          ),
        );
      } else {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      if (!isOpen()) throw new Error("The viewer has left.");
    },
  };
}
