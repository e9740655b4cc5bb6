const LONG_MS = 1 << 30;

/**
 * Keeps the process alive until it is disposed of. Timers of the clock and an idle store do not, so
 * whatever waits for either needs this.
 */
export function stayAlive(): Disposable {
  const timer = setInterval(() => undefined, LONG_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
