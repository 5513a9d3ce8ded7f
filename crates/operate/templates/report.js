(() => {
  "use strict";
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const page = Number(table.dataset.page);
  const filter = document.getElementById("filter");
  const standing = document.getElementById("standing");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const headers = Array.from(table.tHead.rows[0].cells);
  const all = Array.from(table.querySelectorAll("tbody tr"), (row) => {
    const cells = Array.from(row.cells, (cell) => cell.textContent);
    return {row, cells, text: cells.join(" ").toLowerCase(), standing: cells[7]};
  });
  const collator = new Intl.Collator("en", {numeric: true, sensitivity: "base"});
  let shown = page;

  const matching = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return all.filter((one) => (!standing.value || one.standing === standing.value)
      && words.every((word) => one.text.includes(word)));
  };

  // Only the rows that are shown are in the document: browsers lay out thousands of them slowly.
  const put = (some) => body.replaceChildren(...some.map((one) => one.row));

  const show = () => {
    const found = matching();
    const visible = found.slice(0, shown);
    put(visible);
    more.hidden = visible.length === found.length;
    count.textContent = visible.length === all.length
      ? `${all.length} accounts`
      : `${found.length} of ${all.length} accounts match; ${visible.length} are shown`;
  };

  const sort = (index) => {
    const was = headers[index].getAttribute("aria-sort");
    const direction = was === "ascending" ? "descending" : "ascending";
    for (const header of headers) header.removeAttribute("aria-sort");
    headers[index].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    all.sort((a, b) => sign * collator.compare(a.cells[index], b.cells[index]));
    show();
  };

  headers.forEach((header, index) => {
    header.querySelector("button").addEventListener("click", () => sort(index));
  });
  const restart = () => {
    shown = page;
    show();
  };
  filter.addEventListener("input", restart);
  standing.addEventListener("change", restart);
  more.addEventListener("click", () => {
    const first = shown;
    shown += page;
    show();
    // The focus would be lost with the button.
    if (more.hidden) {
      const header = body.rows[first].cells[0];
      header.tabIndex = -1;
      header.focus();
    }
  });
  for (const later of table.querySelectorAll(".later")) later.remove();
  addEventListener("beforeprint", () => put(matching()));
  addEventListener("afterprint", show);
  show();
})();
