// The one script of a page: tables sort and filter, figures and tables are taken along as files.
// It is allowed by its hash in the page's security policy, asks no other host and keeps nothing.
const make = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  return element;
};
const button = (text, label, act) => {
  const made = make("button", text, {type: "button", "aria-label": label, title: label});
  made.addEventListener("click", act);
  return made;
};
const slug = text => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
const save = (blob, name) => {
  const link = make("a", "", {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
const saveText = (text, name, type) => save(new Blob([text], {type}), name);

// What stands in a cell: a number where it is one (narrow spaces, true minus, per cent), else text.
const number = text => {
  const plain = text.replace(/[\u202f\u00a0\s]|%$/g, "").replace("\u2212", "-");
  return plain === "" || plain === "n/a" ? NaN : Number(plain);
};
const compare = (x, y) => {
  const [a, b] = [number(x), number(y)];
  if (!isNaN(a) && !isNaN(b)) return a - b;
  const empty = text => text === "" || text === "n/a";
  if (empty(x) || empty(y)) return empty(x) - empty(y);
  return x.localeCompare(y, undefined, {numeric: true});
};
// Make headings buttons; `sort` is told the number of the column and whether it goes up.
const sortable = (row, sort) => {
  const heads = [...row.cells].filter(head => head.textContent.trim());
  for (const head of heads) {
    const made = button("", "", () => {
      const before = head.getAttribute("aria-sort");
      const turned = before === "ascending" ? "descending" : "ascending";
      const now = before === "none" ? head.dataset.first || "ascending" : turned;
      heads.forEach(other => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", now);
      sort(head.cellIndex, now === "ascending");
    });
    made.removeAttribute("aria-label");
    made.title = "Sort";
    made.append(...head.childNodes);
    head.append(made);
    head.setAttribute("aria-sort", "none");
  }
};
const key = (row, column) => {
  const cell = row.cells[column];
  if (cell.dataset.value !== undefined) return cell.dataset.value;
  const below = cell.querySelector("small");
  return cell.textContent.slice(0, below ? -below.textContent.length : undefined).trim();
};
const asTsv = table => [...table.rows].map(row => [...row.cells].map(cell =>
  cell.innerText.replace(/\s+/g, " ").trim()).join("\t")).join("\n") + "\n";
const FILTERED = 12;  // rows from which a table has a field to filter by

for (const table of document.querySelectorAll("table:not(.plain)")) {
  if (!table.tHead || table.tBodies[0].rows.length < 3) continue;
  const body = table.tBodies[0];
  table.classList.add("sortable");
  sortable(table.tHead.rows[0], (column, up) => {
    const sorted = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a, column), key(b, column)];
      const lacking = text => text === "" || text === "n/a";
      return lacking(x) || lacking(y) || up ? compare(x, y) : compare(y, x);
    });
    body.append(...sorted);
  });
  const tools = make("p", "", {class: "take"});
  if (body.rows.length >= FILTERED) {
    const field = make("input", "", {type: "search", placeholder: "Filter rows", "aria-label": "Filter rows"});
    const count = make("span", "", {role: "status"});
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase();
      let shown = 0;
      for (const row of body.rows) {
        row.hidden = !row.textContent.toLowerCase().includes(words);
        shown += !row.hidden;
      }
      count.textContent = words ? `${shown} of ${body.rows.length} rows` : "";
    });
    tools.append(field, count);
  }
  const caption = table.caption ? table.caption.innerText : "table";
  tools.append(button("TSV", `Save the table as TSV: ${caption}`,
    () => saveText(asTsv(table), `${slug(caption)}.tsv`, "text/tab-separated-values")));
  table.parentElement.append(tools);
}

// Tables that are wider than their place say so.
const scrolls = () => {
  for (const place of document.querySelectorAll(".table, .track"))
    place.classList.toggle("scrolls", place.scrollWidth > place.clientWidth + 1);
};
scrolls();
addEventListener("resize", scrolls);

// A copy of a drawing that stands alone: with the letters that it borrows, and its own size.
const alone = svg => {
  const copy = svg.cloneNode(true);
  for (const use of copy.querySelectorAll("use")) {
    const id = use.getAttribute("href");
    const lender = copy.querySelector(id) ? null : document.querySelector(id);
    if (lender) copy.prepend(make("defs", ""), lender.cloneNode(true));
  }
  delete copy.dataset.table;
  const box = svg.viewBox.baseVal;
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  copy.style.background = "#fff";
  return {text: new XMLSerializer().serializeToString(copy), box};
};
const SHARP = 3;  // pixels of a PNG in a unit of the drawing
const savePng = (svg, name) => {
  const {text, box} = alone(svg);
  const picture = new Image();
  picture.addEventListener("load", () => {
    const canvas = make("canvas", "", {width: SHARP * box.width, height: SHARP * box.height});
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(blob => save(blob, name));
  });
  picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
};
const showNumbers = (svg, tools) => {
  const before = tools.querySelector(".table");
  if (before) return before.remove();
  const place = make("div", "", {class: "table", tabindex: "0", role: "region", "aria-label": "Numbers"});
  const table = make("table", "");
  const rows = svg.dataset.table.split("\n").map(line => line.split("\t"));
  const head = table.createTHead().insertRow();
  rows[0].forEach(text => head.append(make("th", text, {scope: "col"})));
  const body = table.createTBody();
  for (const cells of rows.slice(1, 1 + SHOWN)) {
    const row = body.insertRow();
    cells.forEach(text => row.append(make("td", text)));
  }
  place.append(table);
  if (rows.length - 1 > SHOWN) place.append(make("p", `The first ${SHOWN} of ${rows.length - 1} rows; the TSV has all.`));
  tools.append(place);
};
const SHOWN = 100, FIRST = 20;  // rows that are drawn more, and at first
document.querySelectorAll("figure").forEach((figure, place) => {
  for (const [index, svg] of [...figure.querySelectorAll("svg[role=img]")].entries()) {
    const name = [slug(document.title.split(":")[0]), "figure", place + 1, ...index ? [index + 1] : []].join("-");
    const tools = make("div", "", {class: "take"});
    tools.append(button("SVG", "Save the drawing as SVG", () => saveText(alone(svg).text, `${name}.svg`, "image/svg+xml")));
    tools.append(button("PNG", "Save the drawing as PNG", () => savePng(svg, `${name}.png`)));
    if (svg.dataset.table) {
      tools.append(button("TSV", "Save the numbers as TSV", () =>
        saveText(`${svg.dataset.table}\n`, `${name}.tsv`, "text/tab-separated-values")));
      tools.append(button("Numbers", "Show or hide the numbers", () => showNumbers(svg, tools)));
    }
    (svg.closest(".track") || svg).after(tools);
  }
});

// The table of all calls: its rows are data of the page, and only those that are looked at are drawn.
for (const place of document.querySelectorAll(".calls")) {
  const {columns, words, rows} = JSON.parse(place.querySelector("script").textContent);
  const text = (row, column) => columns[column].coded ? words[row[column]] : String(row[column] ?? "");
  const flags = columns.length;  // behind the cells: 1 wrong, 2 not sure, 4 warned
  let chosen = rows, drawn = FIRST;
  const [select, field] = [place.querySelector("select"), place.querySelector("input")];
  const [count, body] = [place.querySelector("[role=status]"), place.querySelector("tbody")];
  const more = place.querySelector(".more");
  const draw = () => {
    body.replaceChildren(...chosen.slice(0, drawn).map(row => {
      const line = document.createElement("tr");
      columns.forEach((column, i) => line.append(make(i ? "td" : "th", text(row, i), column.numeric ? {class: "number"} : {})));
      if (row[flags] & 1) line.classList.add("wrong");
      return line;
    }));
    count.textContent = `${Math.min(drawn, chosen.length)} shown of ${chosen.length} (${rows.length} in all)`;
    more.hidden = drawn >= chosen.length;
    scrolls();
  };
  let order = null;
  const choose = () => {
    const [bit, part] = [Number(select.value), field.value.toLowerCase()];
    chosen = rows.filter(row => (!bit || row[flags] & bit)
      && (!part || columns.some((_, i) => text(row, i).toLowerCase().includes(part))));
    if (order) {
      const [column, up] = order;
      chosen.sort((a, b) => (up ? 1 : -1) * compare(text(a, column), text(b, column)));
    }
    drawn = FIRST;
    draw();
  };
  sortable(place.querySelector("thead").rows[0], (column, up) => { order = [column, up]; choose(); });
  select.addEventListener("change", choose);
  field.addEventListener("input", choose);
  more.addEventListener("click", () => { drawn += SHOWN; draw(); });
  place.querySelector(".save").addEventListener("click", () => saveText(
    [columns.map(column => column.text), ...chosen.map(row => columns.map((_, i) => text(row, i)))]
      .map(cells => cells.join("\t")).join("\n") + "\n", "calls.tsv", "text/tab-separated-values"));
  choose();
}
