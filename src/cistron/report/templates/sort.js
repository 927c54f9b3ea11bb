// Tables marked "sortable": their headings become buttons that sort the rows by data-value.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells].filter(head => head.textContent.trim());
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const turned = before === "ascending" ? "descending" : "ascending";
      const now = before === "none" ? head.dataset.first || "ascending" : turned;
      heads.forEach(other => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", now);
      const key = row => row.cells[head.cellIndex].dataset.value;
      const compare = (x, y) => {
        if (x === "" || y === "") return (x === "") - (y === "");  // what has no value comes last
        const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
        return now === "ascending" ? order : -order;
      };
      body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
    });
  }
}
