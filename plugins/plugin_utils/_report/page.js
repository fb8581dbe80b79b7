
(() => {
  "use strict";
  const table = document.getElementById("table");
  if (!table) {
    return;
  }
  const [first, rest] = table.tBodies;
  const rows = [...first.rows, ...rest.rows];
  const most = Number(table.dataset.first);
  const headers = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // A number sorts as one, a time by what machines read, everything else as people sort names.
  const valueOf = (cell) => {
    const time = cell.querySelector("time");
    const text = cell.dataset.sort ?? (time ? time.dateTime : cell.textContent.trim());
    return "sort" in cell.dataset ? Number(text) : text;
  };
  const compare = (left, right) => (typeof left === "number" ? left - right : collator.compare(left, right));

  // On a screen, only so many of the rows that fit are shown before somebody asks for all. On paper, all are.
  const showAll = document.getElementById("show-all");
  const fold = () => {
    const fitting = rows.filter((row) => !row.hidden);
    const ahead = new Set(fitting.slice(0, most));
    first.append(...ahead);
    rest.append(...rows.filter((row) => !ahead.has(row)));
    showAll.hidden = fitting.length <= most || rest.classList.contains("shown");
  };
  table.classList.add("folding");
  showAll.addEventListener("click", () => {
    rest.classList.add("shown");
    filter();
  });

  // Rows without a value stay behind the others in both directions.
  const sort = (column, descending) => {
    const keys = new Map(rows.map((row) => [row, valueOf(row.cells[column])]));
    rows.sort((one, other) => {
      const [left, right] = [keys.get(one), keys.get(other)];
      if (left === "" || right === "") {
        return (left === "") - (right === "");
      }
      return descending ? compare(right, left) : compare(left, right);
    });
    fold();
  };

  const select = (column) => {
    const descending = headers[column].ariaSort === "ascending";
    headers.forEach((header) => header.removeAttribute("aria-sort"));
    headers[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sort(column, descending);
  };

  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => select(column));
    header.append(button);
  });

  const words = document.getElementById("filter-text");
  const status = document.getElementById("filter-status");
  const count = document.getElementById("filter-count");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let fitting = 0;
    rows.forEach((row) => {
      const text = texts.get(row);
      const is = !status.value || row.dataset.is.split(" ").includes(status.value);
      row.hidden = !(is && wanted.every((word) => text.includes(word)));
      fitting += !row.hidden;
    });
    fold();
    const format = (number) => number.toLocaleString("en");
    const folded = showAll.hidden ? "" : `, the first ${format(most)} are shown`;
    count.textContent = `${format(fitting)} of ${format(rows.length)} accounts${folded}`;
  };

  words.addEventListener("input", filter);
  status.addEventListener("change", filter);
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("filter").hidden = false;
  filter();
})();
