// Tables that sort and figures that can be saved; without it the report has the same content.
// It is written into a page that is XML too, so it has neither "less than" nor an ampersand.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.value ?? cell.textContent.trim();
};

function compare(one, other) {
  const [a, b] = [Number(one), Number(other)];
  const areNumbers = [one, other].includes("") ? false : Number.isFinite(a + b);
  return areNumbers ? a - b : one.localeCompare(other, "en", { numeric: true });
}

function makeSortable(table) {
  const [body] = table.tBodies;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isTurned = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", isTurned ? "descending" : "ascending");
      const sign = isTurned ? -1 : 1;
      const rows = [...body.rows];
      rows.sort((a, b) => sign * compare(valueOf(a, column), valueOf(b, column)));
      body.append(...rows);
    });
  });
}

function drawingOf(figure) {
  const svg = figure.querySelector(".wide svg").cloneNode(true);
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.removeAttribute("aria-hidden");
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ width, height, fill: "#ffffff" }))
    paper.setAttribute(name, value);
  svg.prepend(paper);
  return new XMLSerializer().serializeToString(svg);
}

function makeSavable(figure) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "Save as SVG";
  button.setAttribute("aria-label", `Save as SVG: ${figure.dataset.title}`);
  button.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([drawingOf(figure)], { type: "image/svg+xml" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${figure.dataset.name}.svg`;
    link.click();
    URL.revokeObjectURL(url);
  });
  figure.querySelector("figcaption").append(" ", button);
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("figure[data-name]").forEach(makeSavable);
