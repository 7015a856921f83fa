"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const BASES = "ACGT";
  const read = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : null;
  };
  const drawing = read("finemo-drawing");
  const motifs = read("finemo-motifs") || [];
  const examples = read("finemo-examples") || [];

  const svg = (name, attributes, parent) => {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (parent) parent.appendChild(element);
    return element;
  };
  const html = (name, attributes, text, parent) => {
    const element = document.createElement(name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== null) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  };

  // --- Logos ------------------------------------------------------------------------------------
  // A matrix is {s: scale, v: [A C G T of column 0, A C G T of column 1, ...]}.
  const columnsOf = (matrix) => {
    const columns = [];
    for (let i = 0; i < matrix.v.length; i += 4) {
      columns.push(matrix.v.slice(i, i + 4).map((value) => value * matrix.s));
    }
    return columns;
  };
  const reversed = (columns) => columns.map((column) => [...column].reverse()).reverse();
  const extentOf = (columns) => {
    let low = 0, high = 0;
    for (const column of columns) {
      low = Math.min(low, column.reduce((sum, v) => sum + Math.min(v, 0), 0));
      high = Math.max(high, column.reduce((sum, v) => sum + Math.max(v, 0), 0));
    }
    return high > low ? [low, high] : [0, 1];
  };
  const letter = (base, x, y, width, height, parent) => {
    if (height < 0.15) return;
    svg("path", {
      d: drawing.glyphs[BASES[base]], fill: drawing.colours[BASES[base]], "fill-rule": "evenodd",
      transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${(width / 100).toFixed(4)} ${(height / 100).toFixed(4)})`,
    }, parent);
  };
  const stack = (column, x, width, zero, unit, parent) => {
    const order = [0, 1, 2, 3].sort((a, b) => Math.abs(column[a]) - Math.abs(column[b]));
    let up = 0, down = 0;
    for (const base of order) {
      const height = Math.abs(column[base]) * unit;
      if (column[base] > 0) { up += height; letter(base, x, zero - up, width, height, parent); }
      if (column[base] < 0) { letter(base, x, zero + down, width, height, parent); down += height; }
    }
  };
  const drawLogo = (target, matrix, core, turn) => {
    let columns = columnsOf(matrix);
    let [start, end] = core;
    if (turn) { columns = reversed(columns); [start, end] = [columns.length - end, columns.length - start]; }
    const [low, high] = extentOf(columns);
    const width = columns.length * 10, height = 60, unit = height / (high - low);
    target.replaceChildren();
    target.setAttribute("viewBox", `0 0 ${width} ${height}`);
    target.setAttribute("preserveAspectRatio", "none");
    if (end > start) svg("rect", { x: start * 10, y: 0, width: (end - start) * 10, height, fill: drawing.core }, target);
    columns.forEach((column, i) => stack(column, i * 10 + 0.4, 9.2, high * unit, unit, target));
    svg("path", { d: `M 0 ${(high * unit).toFixed(2)} H ${width}`, stroke: "#999", "stroke-width": 0.6 }, target);
  };

  // --- Histograms -------------------------------------------------------------------------------
  const number = (value) => {
    if (value === null) return "unknown";
    const size = Math.abs(value);
    if (size !== 0 && (size < 0.001 || size >= 100000)) return value.toExponential(1);
    return String(Number(value.toPrecision(3)));
  };
  const drawHistogram = (target, data) => {
    target.setAttribute("viewBox", "0 0 210 110");
    const top = Math.max(...data.counts, 1), step = 190 / data.counts.length;
    data.counts.forEach((count, i) => {
      svg("rect", { x: 10 + i * step, y: 82 - 66 * count / top, width: Math.max(step - 1, 0.5), height: 66 * count / top, fill: "#31688e" }, target);
    });
    svg("path", { d: "M 10 82.5 H 200", stroke: "#777" }, target);
    const label = (x, y, anchor, text, size) => { svg("text", { x, y, "text-anchor": anchor, "font-size": size, fill: "#66727f" }, target).textContent = text; };
    label(10, 94, "start", number(data.low), 9);
    label(200, 94, "end", number(data.high), 9);
    label(105, 106, "middle", data.label + (data.log ? " (log)" : ""), 10);
    label(200, 10, "end", `most ${top}`, 9);
  };

  // --- The motif table --------------------------------------------------------------------------
  const LOGOS = [
    ["hits", "Mean scores of the hits"], ["cwm", "CWM"], ["ppm", "Bases of the hits"],
    ["seqlets_only", "Mean scores of seqlets that are no hits"], ["hits_only", "Mean scores of hits that are no seqlets"],
  ];
  const details = (motif, cell) => {
    for (const finding of motif.findings) {
      const box = html("div", { class: "warning" }, null, cell);
      html("b", {}, finding[0], box);
      html("div", {}, finding[1], box);
    }
    const controls = html("div", { class: "controls" }, null, cell);
    const turn = html("button", { type: "button" }, "Show the other strand", controls);
    const logos = html("div", { class: "logos" }, null, cell);
    const drawn = [];
    const figure = (matrix, core, caption) => {
      const box = html("figure", {}, null, logos);
      const target = svg("svg", { class: "logo", role: "img", "aria-label": caption });
      box.appendChild(target);
      html("figcaption", {}, caption, box);
      drawLogo(target, matrix, core, false);
      drawn.push([target, matrix, core]);
    };
    for (const [key, caption] of motif.captions || LOGOS) {
      if (motif.logos[key]) figure(motif.logos[key], motif.core, caption + (motif.counts[key] === undefined ? "" : `, n = ${motif.counts[key]}`));
    }
    for (const match of motif.known) figure(match.logo, [0, 0], `${match.name} (TOMTOM q = ${match.q})`);
    let turned = false;
    turn.addEventListener("click", () => {
      turned = !turned;
      turn.textContent = turned ? "Show the first strand" : "Show the other strand";
      for (const [target, matrix, core] of drawn) drawLogo(target, matrix, core, turned);
    });
    const histograms = html("div", { class: "logos histograms" }, null, cell);
    for (const data of motif.histograms) {
      const target = svg("svg", { role: "img", "aria-label": data.label });
      histograms.appendChild(target);
      drawHistogram(target, data);
    }
  };
  const toggle = (row) => {
    const button = row.querySelector("button");
    const next = row.nextElementSibling;
    if (next && next.classList.contains("details")) {
      next.remove(); button.textContent = "▸"; button.setAttribute("aria-expanded", "false");
      return;
    }
    const opened = html("tr", { class: "details" }, null, null);
    const cell = html("td", { colspan: row.children.length }, null, opened);
    row.after(opened);
    details(motifs[Number(row.dataset.motif)], cell);
    button.textContent = "▾"; button.setAttribute("aria-expanded", "true");
  };
  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = () => [...body.querySelectorAll("tr.row")];
    const value = (row, column) => {
      const text = row.children[column].dataset.value ?? row.children[column].textContent;
      const parsed = Number(text);
      return text === "" ? null : Number.isNaN(parsed) ? text.toLowerCase() : parsed;
    };
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.dataset.key) return;
      head.tabIndex = 0;
      const sort = () => {
        const up = head.getAttribute("aria-sort") === "descending" || (head.classList.contains("text") && head.getAttribute("aria-sort") !== "ascending");
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        for (const open of body.querySelectorAll("tr.details")) toggle(open.previousElementSibling);
        const keyed = rows().map((row) => [value(row, column), row]);
        keyed.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
        });
        body.append(...keyed.map(([, row]) => row));
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
    });
    const search = document.querySelector(`input[data-for="${table.id}"]`);
    const shown = document.querySelector(`[data-count-for="${table.id}"]`);
    if (search) search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      let count = 0;
      for (const open of body.querySelectorAll("tr.details")) toggle(open.previousElementSibling);
      for (const row of rows()) {
        const matches = (row.dataset.search ?? row.textContent).toLowerCase().includes(wanted);
        row.hidden = !matches;
        count += matches;
      }
      if (shown) shown.textContent = `${count} of ${rows().length} shown`;
    });
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr.row");
      if (row && row.dataset.motif !== undefined) toggle(row);
    });
  };

  // --- The examples -----------------------------------------------------------------------------
  const colourOf = (motif) => `hsl(${(motif * 137.5) % 360} 55% 42%)`;
  const lanesOf = (boxes) => {
    const ends = [];
    for (const box of boxes) {
      let lane = ends.findIndex((end) => end <= box.left);
      if (lane < 0) lane = ends.push(0) - 1;
      ends[lane] = box.right + 4;
      box.lane = lane;
    }
    return ends.length;
  };
  const browser = (root) => {
    const select = root.querySelector("select"), said = root.querySelector(".said"), view = root.querySelector(".view");
    let example = examples[0], start = 0, width = 160;
    const clamp = () => {
      width = Math.round(Math.max(20, Math.min(width, example.sequence.length)));
      start = Math.round(Math.max(0, Math.min(start, example.sequence.length - width)));
    };
    const bases = [...BASES];
    const track = (values, top, height, unit, zero, pixel, canvas) => {
      for (let i = start; i < start + width; i++) {
        const value = values[i] * example.scale;
        if (!value) continue;
        const tall = Math.abs(value) * unit, x = (i - start) * pixel, y = value > 0 ? zero - tall : zero;
        const base = bases.indexOf(example.sequence[i]);
        if (base < 0) continue;
        if (pixel >= 4) letter(base, x, y, pixel * 0.94, tall, canvas);
        else svg("rect", { x, y, width: Math.max(pixel, 0.6), height: tall, fill: drawing.colours[BASES[base]] }, canvas);
      }
      svg("path", { d: `M 0 ${zero} H ${width * pixel}`, stroke: "#aaa", "stroke-width": 0.7 }, canvas);
    };
    const draw = () => {
      clamp();
      const full = Math.max(view.clientWidth - 18, 260), pixel = full / width;
      const low = Math.min(...example.scores, ...example.built, 0) * example.scale;
      const high = Math.max(...example.scores, ...example.built, 0) * example.scale || 1;
      const height = 110, unit = height / (high - low);
      const boxes = example.hits.filter((hit) => hit[1] > start && hit[0] < start + width).map((hit) => {
        const left = (hit[0] - start) * pixel, text = `${motifs[hit[2]].name} ${hit[3]}`;
        return { hit, text, left, end: (hit[1] - start) * pixel, right: Math.max((hit[1] - start) * pixel, left + text.length * 6.3) };
      }).sort((a, b) => a.left - b.left);
      const lanes = lanesOf(boxes);
      const top = 58, boxTop = top + height + 16, builtTop = boxTop + lanes * 26 + 18;
      const known = example.built.length > 0, total = known ? builtTop + height + 22 : builtTop;
      const canvas = svg("svg", { viewBox: `0 0 ${full} ${total}`, height: total, role: "img", "aria-label": "scores, hits and reconstruction" });
      const caption = (y, text) => { svg("text", { x: 0, y, "font-size": 11, fill: "#66727f" }, canvas).textContent = text; };
      // The whole region, to choose from.
      const step = full / example.sequence.length;
      svg("rect", { x: 0, y: 0, width: full, height: 34, fill: "#f5f7f9" }, canvas);
      const peak = Math.max(...example.scores.map(Math.abs), 1);
      example.scores.forEach((score, i) => {
        if (score) svg("rect", { x: i * step, y: score > 0 ? 17 - 17 * score / peak : 17, width: Math.max(step, 0.5), height: 17 * Math.abs(score) / peak, fill: "#8a97a3" }, canvas);
      });
      for (const hit of example.hits) svg("rect", { x: hit[0] * step, y: 35, width: Math.max((hit[1] - hit[0]) * step, 1.5), height: 4, fill: colourOf(hit[2]) }, canvas);
      svg("rect", { x: start * step, y: 0.5, width: width * step, height: 39, fill: "#31688e22", stroke: "#31688e" }, canvas);
      const choose = svg("rect", { x: 0, y: 0, width: full, height: 40, fill: "transparent", class: "overview", style: "cursor: pointer" }, canvas);
      const move = (event) => {
        const box = choose.getBoundingClientRect();
        start = (event.clientX - box.left) / box.width * example.sequence.length - width / 2;
        draw();
      };
      choose.addEventListener("pointerdown", move);
      caption(top - 4, `contribution scores, ${width} of ${example.sequence.length} bp from ${example.start + start}`);
      track(example.scores, top, height, unit, top + high * unit, pixel, canvas);
      for (const box of boxes) {
        const y = boxTop + box.lane * 26, group = svg("g", {}, canvas);
        svg("rect", { x: box.left, y, width: Math.max(box.end - box.left, 2), height: 8, rx: 2, fill: colourOf(box.hit[2]) }, group);
        svg("text", { x: Math.max(box.left, 0), y: y + 19, "font-size": 10.5, fill: "#1f2933" }, group).textContent = box.text;
        svg("title", {}, group).textContent = `${box.text}: coefficient ${number(box.hit[4])}, similarity ${number(box.hit[5])}`;
      }
      if (known) caption(builtTop - 4, "what the hits make of them; the penalty shrinks it");
      if (known) track(example.built, builtTop, height, unit, builtTop + high * unit, pixel, canvas);
      view.replaceChildren(canvas);
    };
    const open = () => {
      example = examples[Number(select.value)];
      const best = [...example.hits].sort((a, b) => b[4] - a[4])[0];
      width = Math.min(160, Math.max(60, Math.floor(view.clientWidth / 7)), example.sequence.length);
      const peak = example.scores.reduce((at, value, i) => Math.abs(value) > Math.abs(example.scores[at]) ? i : at, 0);
      start = (best ? (best[0] + best[1]) / 2 : peak) - width / 2;
      said.textContent = `${example.place}: ${example.hits.length} hits` + (example.explained === null ? "" : `, ${(100 * example.explained).toFixed(1)} % of the squared scores explained`);
      draw();
    };
    select.addEventListener("change", open);
    root.querySelector(".closer").addEventListener("click", () => { start += width / 4; width /= 2; draw(); });
    root.querySelector(".wider").addEventListener("click", () => { start -= width / 2; width *= 2; draw(); });
    root.querySelector(".left").addEventListener("click", () => { start -= width / 2; draw(); });
    root.querySelector(".right").addEventListener("click", () => { start += width / 2; draw(); });
    let resize = 0;
    addEventListener("resize", () => { clearTimeout(resize); resize = setTimeout(draw, 150); });
    open();
  };

  // --- Start ------------------------------------------------------------------------------------
  for (const target of document.querySelectorAll("svg.logo[data-motif]")) {
    const motif = motifs[Number(target.dataset.motif)], matrix = motif.logos[target.dataset.set];
    if (matrix) drawLogo(target, matrix, motif.core, false);
  }
  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
  const root = document.getElementById("examples");
  if (root && examples.length) browser(root);
  const bar = document.querySelector("nav");
  for (const head of document.querySelectorAll("main h2")) {
    if (!head.id) head.id = head.textContent.trim().toLowerCase().replace(/\W+/g, "-");
    html("a", { href: `#${head.id}` }, head.textContent.replace("¶", "").trim(), bar);
  }
  document.body.dataset.ready = "yes";
})();
