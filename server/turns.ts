/**
 * Does work of one name one after another, of different names side by side: what one counts, the
 * next does not count in the same state.
 */
export function turnsByName(): <Result>(
  name: string,
  work: () => Promise<Result>,
) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const turn = before.then(work, work);
    const ended = turn
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => void (last.get(name) === ended && last.delete(name)));
    last.set(name, ended);
    return turn;
  };
}
