// The chart of a symbol's prices: what was seen, what is implied, and a mark on each unusual move.
"use strict";

(() => {
  const place = document.getElementById("chart");
  const panel = document.getElementById("news-of-move");
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const marks = new Map(data.marks.map(([session, up, news]) => [session, { up, news }]));
  const sessions = new Map(data.sessions.map((one) => [one[0], one]));
  const list = panel.innerHTML;
  let chosen = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const price = (value) =>
    value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  // ---- how a session is drawn

  // One series draws it all: ranges, line, points; sessions without a price are gaps in it.
  class Drawn {
    constructor() {
      this.colours = {};
    }
    renderer() {
      return { draw: (target, toY) => target.useBitmapCoordinateSpace((on) => this.draw(on, toY)) };
    }
    update(shown) {
      this.shown = shown;
    }
    priceValueBuilder(row) {
      return [row.low ?? row.value, row.high ?? row.value, row.value];
    }
    isWhitespace(row) {
      return row.value === undefined;
    }
    defaultOptions() {
      return { ...LightweightCharts.customSeriesDefaultOptions };
    }
    draw({ context, horizontalPixelRatio: across, verticalPixelRatio: down, bitmapSize }, toY) {
      if (!this.shown || !this.shown.visibleRange) return;
      const { bars, barSpacing, visibleRange } = this.shown;
      const from = Math.max(visibleRange.from - 1, 0);
      const points = bars.slice(from, visibleRange.to + 1).map((bar) => ({
        ...bar.originalData,
        index: bar.time,
        x: bar.x * across,
        y: toY(bar.originalData.value) * down,
      }));
      const scale = { across, down, spacing: barSpacing * across };
      context.lineJoin = "round";
      if (barSpacing > 2.5) this.ranges(context, points, toY, scale);
      this.line(context, points, scale);
      this.gaps(context, points, scale, bitmapSize.height);
      for (const point of points) this.point(context, point, scale);
    }
    ranges(context, points, toY, { down, spacing }) {
      context.strokeStyle = this.colours.range;
      context.lineWidth = Math.max(1, Math.min(spacing * 0.45, 5 * down));
      context.beginPath();
      for (const { x, low, high } of points) {
        if (low === null || high === null || low === high) continue;
        context.moveTo(x, toY(high) * down);
        context.lineTo(x, toY(low) * down);
      }
      context.stroke();
    }
    line(context, points, { down }) {
      context.strokeStyle = this.colours.line;
      context.lineWidth = 1.4 * down;
      for (const isGap of [false, true]) {
        context.setLineDash(isGap ? [3 * down, 4 * down] : []);
        context.beginPath();
        points.slice(1).forEach((point, place) => {
          const before = points[place];
          if (point.index - before.index > 1 !== isGap) return;
          context.moveTo(before.x, before.y);
          context.lineTo(point.x, point.y);
        });
        context.stroke();
      }
      context.setLineDash([]);
    }
    gaps(context, points, { down, spacing }, height) {
      // What is missing is said at the foot of the chart, where no price stands in its way.
      context.strokeStyle = this.colours.missing;
      context.lineWidth = Math.max(1, Math.min(spacing * 0.3, 2 * down));
      context.setLineDash([2 * down, 2 * down]);
      context.beginPath();
      points.slice(1).forEach((point, place) => {
        const before = points[place];
        for (let index = before.index + 1; index < point.index; index += 1) {
          const x = before.x + (index - before.index) * spacing;
          context.moveTo(x, height);
          context.lineTo(x, height - 14 * down);
        }
      });
      context.stroke();
      context.setLineDash([]);
    }
    point(context, { x, y, kind, isChosen }, { down, spacing }) {
      const radius = Math.min(Math.max(spacing * 0.24, 1.6 * down), 3.4 * down);
      if (kind === "final" && spacing < 5 * down) return;
      context.lineWidth = 1.5 * down;
      context.beginPath();
      if (kind === "conflicting") {
        context.strokeStyle = this.colours.down;
        for (const way of [1, -1]) {
          context.moveTo(x - radius * 1.3, y - way * radius * 1.3);
          context.lineTo(x + radius * 1.3, y + way * radius * 1.3);
        }
        context.stroke();
        return;
      }
      if (kind === "provisional") {
        const reach = radius * 1.5;
        context.moveTo(x, y - reach);
        context.lineTo(x + reach, y);
        context.lineTo(x, y + reach);
        context.lineTo(x - reach, y);
        context.closePath();
      } else {
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      const isHollow = kind === "implied" || kind === "provisional";
      context.fillStyle = this.colours[isHollow ? "paper" : kind === "intraday" ? "range" : "line"];
      context.fill();
      context.strokeStyle = this.colours.line;
      if (isHollow || kind === "intraday") context.stroke();
    }
  }

  const drawn = new Drawn();
  const chart = LightweightCharts.createChart(place, {
    autoSize: true,
    // Its style would be one in the page's text; the page names the makers at its foot.
    layout: { attributionLogo: false },
    localization: { locale: "en", priceFormatter: price },
    timeScale: { borderVisible: false, rightOffset: 1, minBarSpacing: 0.3, fixLeftEdge: true, fixRightEdge: true },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.14, bottom: 0.14 } },
    // The wheel is the page's; the chart is dragged, and its axes are.
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    crosshair: { mode: LightweightCharts.CrosshairMode.Magnet },
  });
  const series = chart.addCustomSeries(drawn, { priceLineVisible: false, lastValueVisible: false });
  const markers = LightweightCharts.createSeriesMarkers(series, []);

  const legend = document.createElement("p");
  legend.className = "chart-said";
  legend.setAttribute("aria-hidden", "true");
  place.append(legend);

  function dress() {
    drawn.colours = {
      line: colour("--ink"),
      range: colour("--range"),
      paper: colour("--paper"),
      missing: colour("--faint"),
      down: colour("--down"),
    };
    chart.applyOptions({
      layout: {
        background: { type: "solid", color: "transparent" },
        textColor: colour("--muted"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 12,
      },
      grid: { vertLines: { visible: false }, horzLines: { color: colour("--rule") } },
      crosshair: {
        vertLine: { color: colour("--faint"), labelBackgroundColor: colour("--strong") },
        horzLine: { color: colour("--faint"), labelBackgroundColor: colour("--strong") },
      },
    });
    mark();
  }

  function mark() {
    markers.setMarkers(
      [...marks].map(([session, { up }]) => ({
        time: session,
        id: session,
        position: up ? "aboveBar" : "belowBar",
        shape: up ? "arrowUp" : "arrowDown",
        color: colour(up ? "--up" : "--down"),
        size: session === chosen ? 2 : 1,
      })),
    );
  }

  function say(session) {
    const [day, value, low, high, kind] = session;
    const seen = low !== null && low !== high ? ` · seen ${price(low)}–${price(high)}` : "";
    legend.textContent = value === null ? `${day} · missing` : `${day} · ${price(value)} · ${kind}${seen}`;
  }

  // ---- the news of a move

  async function choose(session, focus) {
    chosen = session;
    mark();
    say(sessions.get(session));
    panel.setAttribute("aria-busy", "true");
    const answer = await fetch(`${place.dataset.move}/${session}?part=1`);
    if (chosen !== session) return;
    panel.innerHTML = answer.ok
      ? await answer.text()
      : `<h2>News of a move</h2><p class="none">The server does not answer (${answer.status}).</p>`;
    const back = document.createElement("button");
    back.type = "button";
    back.className = "back";
    back.textContent = "← all unusual moves";
    back.addEventListener("click", () => {
      chosen = null;
      panel.innerHTML = list;
      mark();
      panel.querySelector("a")?.focus();
    });
    panel.prepend(back);
    panel.removeAttribute("aria-busy");
    if (focus) panel.querySelector("h2")?.focus();
  }

  chart.subscribeClick(({ hoveredObjectId, time, logical }) => {
    const hit = hoveredObjectId ?? nearest(logical) ?? time;
    if (sessions.get(hit)?.[1] != null) choose(hit, false);
  });

  // A fingertip is wider than a mark.
  function nearest(logical) {
    const reach = Math.ceil(8 / chart.timeScale().options().barSpacing);
    const found = data.sessions
      .map(([session], index) => [Math.abs(index - logical), session])
      .filter(([away, session]) => away <= reach && marks.has(session));
    return found.sort((one, two) => one[0] - two[0])[0]?.[1];
  }

  chart.subscribeCrosshairMove(({ time }) => {
    const session = sessions.get(time) ?? sessions.get(chosen);
    if (session) say(session);
    else legend.textContent = "";
  });

  panel.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-session]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.dataset.session, true);
  });

  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const order = [...marks.keys()];
    if (!step || !order.length) return;
    event.preventDefault();
    const at = order.indexOf(chosen);
    const next = at < 0 ? (step > 0 ? 0 : order.length - 1) : at + step;
    if (order[next]) choose(order[next], false);
  });

  // ---- begin

  series.setData(
    data.sessions.map(([time, value, low, high, kind]) =>
      value === null ? { time } : { time, value, low, high, kind },
    ),
  );
  dress();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
  chart.timeScale().fitContent();
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      place.dataset.drawn = Math.round(performance.now());
    }),
  );
})();
