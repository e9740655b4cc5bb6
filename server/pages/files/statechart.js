/** Draws statecharts as nested boxes and marks the states that machines are in. Everything is set as text. */

const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

const transitionText = ({ event, guard, target }) =>
  `${event}${guard === "" ? "" : ` [${guard}]`}${target === "" ? "" : ` → ${target}`}`;

function stateBox(machine, path, state) {
  const box = element("div", `state ${state.type}`);
  box.dataset.machine = machine;
  box.dataset.path = path;
  box.append(element("span", "name", state.key));
  for (const { id, source } of state.invokes)
    box.append(element("p", "detail", id === source ? `does ${id}` : `does ${id} (${source})`));
  if (state.transitions.length > 0) {
    const list = element("ul", "transitions");
    list.append(
      ...state.transitions.map((transition) =>
        element("li", undefined, transitionText(transition)),
      ),
    );
    box.append(list);
  }
  if (state.states.length > 0) box.append(stateBoxes(machine, path, state.states));
  return box;
}

function stateBoxes(machine, path, states) {
  const boxes = element("div", "states");
  boxes.append(
    ...states.map((state) =>
      stateBox(machine, path === "" ? state.key : `${path}.${state.key}`, state),
    ),
  );
  return boxes;
}

export function drawMachines(place, machines) {
  place.replaceChildren(
    ...machines.flatMap((machine) => [
      element("h2", undefined, `Machine ${machine.key}`),
      stateBoxes(machine.key, "", machine.states),
    ]),
  );
}

/** All states that a state text names, outer ones included: `a.b.c|d.e` is a, a.b, a.b.c, a.d and a.d.e. */
export function pathsOf(text) {
  const [outer, ...rest] = text.split(".");
  const inner = rest.join(".");
  if (inner === "") return [outer];
  return [
    outer,
    ...inner.split("|").flatMap((part) => pathsOf(part).map((path) => `${outer}.${path}`)),
  ];
}

const find = (states, path) => {
  const [key, ...rest] = path.split(".");
  const state = states.find((each) => each.key === key);
  return rest.length === 0 ? state : find(state?.states ?? [], rest.join("."));
};

/** What each state invokes, by the name under which it does. */
const invokedIn = (machine, paths) =>
  new Map(
    paths
      .flatMap((path) => find(machine.states, path)?.invokes ?? [])
      .map(({ id, source }) => [id, source]),
  );

/** `states` is the state text of "run" and of every child that it had. Children are shown while a state that invokes them lasts. */
export function markStates(place, machines, states) {
  for (const box of place.querySelectorAll(".active")) box.classList.remove("active");
  for (const name of place.querySelectorAll("[aria-current]")) name.removeAttribute("aria-current");
  for (const tag of place.querySelectorAll(".tag")) tag.remove();
  const machineOf = new Map(machines.map((machine) => [machine.key, machine]));

  const mark = (actor, machineKey) => {
    const machine = machineOf.get(machineKey);
    const text = states.get(actor);
    if (machine === undefined || text === undefined) return;
    const paths = pathsOf(text);
    for (const path of paths) {
      const box = place.querySelector(
        `[data-machine="${CSS.escape(machineKey)}"][data-path="${CSS.escape(path)}"]`,
      );
      box?.classList.add("active");
      const name = box?.querySelector(".name");
      name?.setAttribute("aria-current", "true");
      if (actor !== "run" && path === text) name?.after(element("span", "tag", actor));
    }
    for (const [child, source] of invokedIn(machine, paths)) mark(child, source);
  };
  mark("run", "run");
}
