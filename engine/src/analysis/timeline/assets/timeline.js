// Lets the drawings of timelines answer: zoom, pan, details, filters. Each figure on its own; nothing is fetched or kept.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const ZOOM_MAX = 4000;

  document.querySelectorAll(".timeline-figure").forEach(start);
  document.querySelectorAll("[data-timeline-theme]").forEach((select) => {
    const sheets = [...document.querySelectorAll("[data-timeline-dark]")];
    const media = { auto: "(prefers-color-scheme: dark)", light: "not all", dark: "all" };
    select.addEventListener("change", () => {
      for (const sheet of sheets) sheet.media = media[select.value];
    });
  });

  function start(figure) {
    const svg = figure.querySelector("svg.timeline");
    const view = svg.viewBox.baseVal;
    const base = { width: view.width, height: view.height, left: +svg.dataset.left, right: +svg.dataset.right };
    const pieces = svg.dataset.scale.split(";").map((piece) => {
      const [from, to, start, end, shortened] = piece.split(",").map(Number);
      return { from, to, start, end, shortened: shortened === 1 };
    });
    let width = base.width;
    let zoom = 1;
    let offset = 0;
    const plot = () => width - base.left - base.right;
    const x = (place) =>
      base.left + ((place - base.left) / (base.width - base.left - base.right)) * plot() * zoom - offset;
    const right = () => width - base.right;

    // What each thing says, instead of the browser's own hints.
    const says = new Map();
    for (const title of [...svg.querySelectorAll("title")]) {
      says.set(title.parentNode, title.textContent.replace(/\s+/g, " ").trim());
      title.remove();
    }

    const all = (selector) => [...svg.querySelectorAll(selector)];
    const measured = (text) => {
      text.classList.remove("off");
      const entry = { text, a: +text.dataset.a, b: +text.dataset.b, width: text.getComputedTextLength() };
      return entry;
    };
    const parts = {
      rects: all("rect[data-b]").map((it) => ({ it, a: +it.dataset.a, b: +it.dataset.b, least: it.closest(".fault") ? 3 : 1 })),
      lines: all("line[data-b]").map((it) => ({ it, a: +it.dataset.a, b: +it.dataset.b })),
      placed: all("[data-y]:not(.flag)").map((it) => ({ it, a: +it.dataset.a, y: it.dataset.y })),
      inside: all("text.inside:not(.short)").map(measured),
      short: all("text.inside.short").map(measured),
      beside: all("text.beside").map(measured),
      breaks: all("text.break").map(measured),
      commits: all("g.commits").map((row) =>
        [...row.querySelectorAll("g.commit")].map((it) => ({
          text: it.querySelector("text"),
          a: +it.dataset.a,
          width: +it.querySelector("text").dataset.w,
        })),
      ),
      flag: svg.querySelector("g.flag"),
      axis: svg.querySelector("g.axis"),
      clip: svg.querySelector("rect.clip"),
    };

    function show(text, shown, place) {
      text.classList.toggle("off", !shown);
      if (shown) text.setAttribute("x", place.toFixed(1));
    }

    function draw() {
      offset = Math.min(Math.max(offset, 0), plot() * (zoom - 1));
      svg.setAttribute("viewBox", `0 0 ${width} ${base.height}`);
      svg.setAttribute("height", base.height);
      parts.clip.setAttribute("width", plot() + 20);
      for (const { it, a, b, least } of parts.rects) {
        // Far outside of the drawing, renderers lose precision.
        const from = Math.max(x(a), -width);
        it.setAttribute("x", from.toFixed(1));
        it.setAttribute("width", Math.max(Math.min(x(b), 2 * width) - from, least).toFixed(1));
      }
      for (const { it, a, b } of parts.lines) {
        it.setAttribute("x1", x(a).toFixed(1));
        it.setAttribute("x2", x(b).toFixed(1));
      }
      for (const { it, a, y } of parts.placed) it.setAttribute("transform", `translate(${x(a).toFixed(1)} ${y})`);
      for (const list of [parts.inside, parts.short]) {
        list.forEach((entry, index) => {
          const from = Math.max(x(entry.a), base.left);
          const room = Math.min(x(entry.b), right()) - from;
          const shift = +entry.text.dataset.shift || 6;
          entry.fits = room > entry.width + shift + 4;
          show(entry.text, entry.fits, from + shift);
        });
      }
      for (const entry of parts.short) {
        const long = entry.text.previousElementSibling;
        if (long && !long.classList.contains("off")) entry.text.classList.add("off");
      }
      const taken = new Map();
      for (const { text, a, b, width: own } of parts.beside) {
        const [from, to] = [Math.max(x(a), base.left), Math.min(Math.max(x(b), x(a) + 3), right())];
        const after = to + 5 + own < right();
        const before = from - 5 - own > base.left;
        const place = after ? to + 5 : before ? from - 5 - own : from + 6;
        const row = taken.get(text.getAttribute("y")) ?? [];
        const free = row.every(([left, end]) => place > end + 4 || place + own < left - 4);
        const shown = free && x(b) >= base.left && x(a) <= right();
        if (shown) taken.set(text.getAttribute("y"), [...row, [place, place + own]]);
        show(text, shown, place);
      }
      for (const { text, a, b, width: own } of parts.breaks) show(text, x(b) - x(a) > own, (x(a) + x(b)) / 2);
      for (const row of parts.commits) {
        let free = -Infinity;
        for (const { text, a, width: own } of row) {
          const fits = x(a) - own / 2 > free;
          text.classList.toggle("off", !fits);
          if (fits) free = x(a) + own / 2 + 3;
        }
      }
      if (parts.flag) {
        const own = +parts.flag.dataset.w;
        const middle = x(+parts.flag.dataset.a);
        const inside = middle >= base.left && middle <= right();
        const place = Math.max(Math.min(middle - own / 2, right() - own), base.left);
        parts.flag.classList.toggle("off", !inside);
        parts.flag.setAttribute("transform", `translate(${place.toFixed(1)} 0)`);
      }
      axis();
    }

    // Round times, at least so far apart that they can be read.
    function axis() {
      const even = pieces.filter((piece) => !piece.shortened && piece.to > piece.from);
      parts.axis.replaceChildren();
      if (even.length === 0) return;
      const density = (x(even[0].end) - x(even[0].start)) / (even[0].to - even[0].from);
      const least = Math.max(1, 80 / density);
      const unit = 10 ** Math.floor(Math.log10(least));
      const step = [1, 2, 5, 10].map((digit) => digit * unit).find((step) => step >= least * 0.999);
      const { top, bottom } = parts.axis.dataset;
      let last = -Infinity;
      for (const { from, to, start, end } of even) {
        const [left, far] = [x(start), x(end)];
        const time = (place) => from + ((place - left) / (far - left)) * (to - from);
        const first = Math.ceil(Math.max(from, time(base.left)) / step) * step;
        for (let at = first; at <= Math.min(to, time(right())); at += step) {
          const place = left + ((at - from) / (to - from)) * (far - left);
          if (place - last < 79) continue;
          last = place;
          const line = document.createElementNS(SVG, "path");
          line.setAttribute("class", "tick");
          line.setAttribute("d", `M${place.toFixed(1)} ${top}V${bottom}`);
          const text = document.createElementNS(SVG, "text");
          text.setAttribute("class", "tick");
          text.setAttribute("x", place.toFixed(1));
          text.setAttribute("y", top - 4);
          text.textContent = String(+(at / 1e6).toFixed(6));
          parts.axis.append(line, text);
        }
      }
    }

    let waiting = false;
    function redraw() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        draw();
      });
    }

    function zoomBy(factor, at) {
      const before = zoom;
      zoom = Math.min(Math.max(zoom * factor, 1), ZOOM_MAX);
      offset = (offset + at - base.left) * (zoom / before) - (at - base.left);
      redraw();
    }

    function reset() {
      zoom = 1;
      offset = 0;
      redraw();
    }

    // ---- details
    const tip = figure.querySelector(".timeline-tip");
    let chosen = null;
    const speaker = (element) => {
      while (element && element !== svg) {
        if (says.has(element)) return element;
        element = element.parentNode;
      }
      return null;
    };
    function tell(element, left, top) {
      if (chosen) chosen.classList.remove("chosen");
      chosen = element;
      tip.hidden = !element;
      if (!element) return;
      element.classList.add("chosen");
      tip.textContent = says.get(element);
      const frame = figure.getBoundingClientRect();
      const room = frame.width - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(0, Math.min(left - frame.left + 14, room))}px`;
      tip.style.top = `${top - frame.top + 18}px`;
    }
    svg.addEventListener("pointermove", (event) => {
      if (dragging.size === 0 || event.pointerType !== "mouse") tell(speaker(event.target), event.clientX, event.clientY);
    });
    svg.addEventListener("pointerleave", () => tell(null));

    // ---- step by step
    const shown = (element) => !element.classList.contains("hidden");
    const steps = all("[data-t]").filter((element) => says.has(element));
    steps.sort((one, other) => one.dataset.t - other.dataset.t);
    let step = -1;
    function choose(index) {
      const element = steps[index];
      step = index;
      const source = element.dataset.a ? element : element.querySelector("[data-a]");
      const place = x(+source.dataset.a);
      if (place < base.left || place > right()) {
        offset += place - (base.left + right()) / 2;
        draw();
      }
      const frame = element.getBoundingClientRect();
      const visible = Math.max(frame.left, svg.getBoundingClientRect().left + base.left);
      tell(element, visible, frame.bottom - 10);
    }
    function go(direction) {
      for (let index = step + direction; index >= 0 && index < steps.length; index += direction) {
        if (shown(steps[index])) return choose(index);
      }
    }
    function toFinding() {
      const index = steps.findIndex((element) => element.classList.contains("finding"));
      if (index < 0) return;
      if (zoom < 4) zoomBy(4 / zoom, x(+steps[index].querySelector("[data-a]").dataset.a));
      draw();
      choose(index);
    }

    // ---- mouse, fingers, keys
    svg.addEventListener(
      "wheel",
      (event) => {
        const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
        if (event.ctrlKey || event.metaKey || event.altKey) {
          zoomBy(Math.exp(-event.deltaY * 0.004), event.clientX - svg.getBoundingClientRect().left);
        } else if (sideways !== 0) {
          offset += sideways;
          redraw();
        } else {
          return;
        }
        event.preventDefault();
      },
      { passive: false },
    );
    const dragging = new Map();
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button !== 0) return;
      dragging.set(event.pointerId, event.clientX);
      svg.setPointerCapture(event.pointerId);
      if (event.pointerType !== "mouse") tell(speaker(event.target), event.clientX, event.clientY);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!dragging.has(event.pointerId)) return;
      const before = [...dragging.values()];
      const moved = event.clientX - dragging.get(event.pointerId);
      dragging.set(event.pointerId, event.clientX);
      const now = [...dragging.values()];
      if (now.length === 2) {
        const apart = (pair) => Math.max(20, Math.abs(pair[0] - pair[1]));
        zoomBy(apart(now) / apart(before), (now[0] + now[1]) / 2 - svg.getBoundingClientRect().left);
      } else if (moved !== 0) {
        offset -= moved;
        redraw();
      }
    });
    for (const over of ["pointerup", "pointercancel"]) {
      svg.addEventListener(over, (event) => dragging.delete(event.pointerId));
    }
    svg.addEventListener("dblclick", (event) => zoomBy(2, event.clientX - svg.getBoundingClientRect().left));
    const middle = () => (base.left + right()) / 2;
    const commands = {
      in: () => zoomBy(1.5, middle()),
      out: () => zoomBy(1 / 1.5, middle()),
      fit: reset,
      violation: toFinding,
      next: () => go(1),
      previous: () => go(-1),
      left: () => ((offset -= plot() / 8), redraw()),
      right: () => ((offset += plot() / 8), redraw()),
      nothing: () => tell(null),
    };
    const keys = {
      "+": "in", "=": "in", "-": "out", 0: "fit", v: "violation", n: "next", p: "previous", ArrowLeft: "left",
      ArrowRight: "right", Escape: "nothing",
    };
    svg.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const command = keys[event.key];
      if (!command || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      commands[command]();
    });
    for (const button of figure.querySelectorAll("[data-command]")) {
      button.addEventListener("click", () => commands[button.dataset.command]());
    }

    // ---- filters
    const boxes = [...figure.querySelectorAll("input[data-kind]")];
    // Of kinds with very many messages, those far from the violation are drawn on demand.
    const everything = figure.querySelector("input[data-all]");
    function filter() {
      const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.kind));
      const faint = (message) => "faint" in message.dataset && !everything?.checked;
      for (const message of all(".message")) {
        message.classList.toggle("hidden", !wanted.has(message.dataset.kind) || faint(message));
      }
    }
    for (const box of [...boxes, everything]) box?.addEventListener("change", filter);

    new ResizeObserver(() => {
      const now = svg.parentNode.clientWidth;
      if (now > 0 && now !== width) {
        offset *= (now - base.left - base.right) / plot();
        width = now;
        redraw();
      }
    }).observe(svg.parentNode);
    width = svg.parentNode.clientWidth || width;
    filter();
    draw();
    figure.classList.add("answers");
  }
})();
