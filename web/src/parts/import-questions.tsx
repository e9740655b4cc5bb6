import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Inspection, Upload } from "../api/client.ts";
import { asOnPage, type Answers } from "../uploading.ts";
import { count, plural } from "../words.ts";
import { Notice } from "./notice.tsx";
import { ALL_CELLS, OnlyCells } from "./only-cells.tsx";

const ONE_TYPE = "\u0000one";
const NO_COLUMN = "\u0000none";
const LABELLED: ReadonlySet<string> = new Set(["categorical", "string", "boolean"]);

interface Choice {
  readonly value: string;
  readonly text: string;
}

/** What was found comes first, then what fits, too, then the rest. */
function choices(
  found: string | null,
  fits: readonly string[],
  all: readonly string[],
): readonly Choice[] {
  const named = [...(found === null ? [] : [found]), ...fits];
  return [
    ...(found === null ? [] : [{ value: found, text: `${found} (found)` }]),
    ...fits
      .filter((name) => name !== found)
      .map((name) => ({ value: name, text: `${name} (fits, too)` })),
    ...all.filter((name) => !named.includes(name)).map((name) => ({ value: name, text: name })),
  ];
}

function Choose({
  label,
  value,
  from,
  none,
  onValue,
}: {
  readonly label: string;
  readonly value: string;
  readonly from: readonly Choice[];
  /** What choosing nothing means. */
  readonly none?: string | undefined;
  readonly onValue: (value: string) => void;
}): JSX.Element {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {from.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What an import must know of a file: what was found, what else fits, and the answers of who sent it. */
export function ImportQuestions({
  upload,
  inspection,
  onAnswers,
}: {
  readonly upload: Upload;
  readonly inspection: Inspection;
  readonly onAnswers: (answers: Answers) => void;
}): JSX.Element {
  const { guessed, also_fits: fits, obs, slots } = inspection;
  const columns = obs.filter(({ kind }) => kind !== "unsupported").map(({ name }) => name);
  const labels = obs.filter(({ kind }) => LABELLED.has(kind)).map(({ name }) => name);
  const genes = inspection.var.filter(({ kind }) => kind !== "unsupported").map(({ name }) => name);
  const guessedControls = [
    ...(guessed.control_labels ?? (guessed.control_label === null ? [] : [guessed.control_label])),
  ];
  const [dataset, setDataset] = useState(
    upload.name.replace(/\.h5ad$/i, "").replace(/[^\w.-]+/g, "-"),
  );
  const [cellType, setCellType] = useState(guessed.cell_type ?? "");
  const [ofAll, setOfAll] = useState("");
  const [perturbation, setPerturbation] = useState(guessed.perturbation ?? "");
  const [controls, setControls] = useState<readonly string[]>(guessedControls);
  const [donor, setDonor] = useState(guessed.donor ?? "");
  const [symbols, setSymbols] = useState(guessed.gene_symbols ?? "");
  const [only, setOnly] = useState(ALL_CELLS);
  const [layer, setLayer] = useState(inspection.counts ?? "");

  const choosePerturbation = (name: string): void => {
    setPerturbation(name);
    setControls(name === guessed.perturbation ? guessedControls : []);
  };
  const column = obs.find(({ name }) => name === perturbation);
  const values = column?.values ?? [];
  const shown = [
    ...values,
    ...controls
      .filter((label) => values.every(({ value }) => value !== label))
      .map((value) => ({ value, cells: undefined })),
  ];
  const isOne = cellType === ONE_TYPE;
  const send = (): void =>
    onAnswers({
      ...(dataset === "" ? {} : { dataset }),
      ...(cellType === "" || isOne ? {} : { cell_type: cellType }),
      ...(isOne && ofAll.trim() !== "" ? { cell_type_of_all: ofAll.trim() } : {}),
      ...(perturbation === "" ? {} : { perturbation }),
      ...(controls.length === 0 ? {} : { control_labels: [...controls] }),
      ...(donor === "" ? {} : { donor: donor === NO_COLUMN ? null : donor }),
      ...(only.column === "" ? {} : { only: { [only.column]: [...only.values] } }),
      ...(symbols === "" ? {} : { gene_symbols: symbols }),
      ...(layer === "" ? {} : { layer }),
    });

  return (
    <form
      class="import-questions"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <p>
        {upload.name}: {plural(inspection.n_obs, "cell")}, {plural(inspection.n_vars, "gene")}
        {inspection.first_genes.length > 0 && <> ({inspection.first_genes.join(", ")} …)</>}
      </p>
      {inspection.warnings.map((warning) => (
        <Notice key={warning} kind="note">
          {asOnPage(warning)}
        </Notice>
      ))}
      {inspection.unreadable.map(({ name, why }) => (
        <Notice key={name} kind="note" title={`${name} cannot be read.`}>
          {asOnPage(why)}
        </Notice>
      ))}
      <label>
        Name of the atlas
        <input
          type="text"
          required
          maxLength={100}
          pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*"
          title="Letters, digits, dots, hyphens and underscores"
          value={dataset}
          onInput={(event) => setDataset(event.currentTarget.value)}
        />
      </label>
      <Choose
        label="Cell types"
        value={cellType}
        from={[
          ...choices(guessed.cell_type, fits.cell_type, labels),
          { value: ONE_TYPE, text: "all cells are of one type" },
        ]}
        none={guessed.cell_type === null ? "choose a column" : undefined}
        onValue={setCellType}
      />
      {isOne && (
        <label>
          What all cells are
          <input
            type="text"
            required
            maxLength={500}
            placeholder="such as K562"
            value={ofAll}
            onInput={(event) => setOfAll(event.currentTarget.value)}
          />
        </label>
      )}
      <Choose
        label="Perturbations"
        value={perturbation}
        from={choices(guessed.perturbation, fits.perturbation, labels)}
        none={guessed.perturbation === null ? "choose a column" : undefined}
        onValue={choosePerturbation}
      />
      <fieldset>
        <legend>Control cells</legend>
        <p class="hint">
          Values of {perturbation === "" ? "the column of perturbations" : perturbation} that mark
          unperturbed cells; where none is chosen the import looks for one.
        </p>
        {shown.map(({ value, cells }) => (
          <label key={value} class="check">
            <input
              type="checkbox"
              checked={controls.includes(value)}
              onChange={(event) =>
                setControls(
                  event.currentTarget.checked
                    ? [...controls, value]
                    : controls.filter((label) => label !== value),
                )
              }
            />
            {value} {cells !== undefined && <span class="hint">{plural(cells, "cell")}</span>}
          </label>
        ))}
        {column?.n_values !== undefined && column.n_values > values.length && (
          <p class="hint">and {count(column.n_values - values.length)} less frequent values</p>
        )}
      </fieldset>
      <OnlyCells obs={obs} only={only} onOnly={setOnly} />
      <Choose
        label="Donors"
        value={donor}
        from={[
          ...choices(guessed.donor, [], columns),
          ...(guessed.donor === null ? [] : [{ value: NO_COLUMN, text: "no column tells them" }]),
        ]}
        none={guessed.donor === null ? "none, as found" : undefined}
        onValue={setDonor}
      />
      <Choose
        label="Gene symbols"
        value={symbols}
        from={choices(guessed.gene_symbols, fits.gene_symbols, genes)}
        none={guessed.gene_symbols === null ? "the names of the genes, as found" : undefined}
        onValue={setSymbols}
      />
      <Choose
        label="Counts"
        value={layer}
        from={choices(
          inspection.counts,
          [],
          slots.map(({ name }) => name),
        )}
        none={inspection.counts === null ? "choose a matrix" : undefined}
        onValue={setLayer}
      />
      <button type="submit" class="main">
        Import it
      </button>
    </form>
  );
}
