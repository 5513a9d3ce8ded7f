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
  const all = Array.from(body.rows, (row) => {
    const cells = Array.from(row.cells, (cell) => cell.textContent);
    return {row, cells, text: cells.join(" ").toLowerCase(), standing: cells[7]};
  });
  const collator = new Intl.Collator("en", {numeric: true, sensitivity: "base"});
  let shown = page;

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let matching = 0;
    for (const one of all) {
      const fits = (!standing.value || one.standing === standing.value)
        && words.every((word) => one.text.includes(word));
      one.row.classList.toggle("out", !fits);
      one.row.classList.toggle("later", fits && matching >= shown);
      matching += fits ? 1 : 0;
    }
    const visible = Math.min(matching, shown);
    more.hidden = matching <= shown;
    count.textContent = matching === all.length && visible === matching
      ? `${all.length} accounts`
      : `${matching} of ${all.length} accounts match; ${visible} are shown`;
  };

  const sort = (index) => {
    const was = headers[index].getAttribute("aria-sort");
    const direction = was === "ascending" ? "descending" : "ascending";
    for (const header of headers) header.removeAttribute("aria-sort");
    headers[index].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    all.sort((a, b) => sign * collator.compare(a.cells[index], b.cells[index]));
    body.append(...all.map((one) => one.row));
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
    shown += page;
    show();
  });
  show();
})();
