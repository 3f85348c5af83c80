"""Maps of a raster on canvas: panels that move and zoom as one and tell the values under the pointer.

Plotly takes seconds to arrive and to draw a planet of pixels. Here a pixel costs four bytes of its value in each panel;
which cells of the grid have a pixel goes once, as bits. Text goes to the page as text, nothing of it is markup.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from landlab_mgr.data import coast
from parts.figures import GREY
from parts.mapfigures import Raster, colours, extent, near
from parts.maps import Panel, Places, Values

HTML = '<div class="maps"></div>'
CSS = """
.maps { position: relative; display: grid; gap: 14px 26px; grid-template-columns: minmax(0, 1fr);
  color: var(--st-text-color); font: 13px var(--st-font); }
.maps.beside { grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); row-gap: 0; }
.maps.beside section { display: grid; grid-template-rows: subgrid; grid-row: span 4; }
.title { font-weight: 600; font-size: 14px; }
.title.corner { padding-right: 116px; }
.said { margin: 2px 0; min-height: 1.35em; opacity: 0.8; font-variant-numeric: tabular-nums; }
.frame { position: relative; overflow: hidden; }
canvas { display: block; width: 100%; cursor: grab; user-select: none; }
canvas:active { cursor: grabbing; }
canvas:focus-visible, button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; }
.mark { position: absolute; left: 0; top: 0; box-sizing: border-box; pointer-events: none; visibility: hidden;
  border: 1.5px solid #14171C; box-shadow: 0 0 0 1.5px #FFFFFF; }
.key { width: 92%; margin: 4px auto 0; text-align: center; }
.strip { height: 10px; margin: 3px 0; }
.ticks { position: relative; height: 1.2em; font-size: 11px; }
.ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.groups { display: flex; flex-wrap: wrap; justify-content: center; gap: 4px 16px; margin-top: 4px; }
.groups i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; }
.tools { position: absolute; right: 0; top: 0; display: flex; gap: 4px; }
.tools button { min-width: 28px; height: 26px; padding: 0 7px; font: inherit; color: inherit; cursor: pointer;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color, #8A929C55);
  border-radius: 6px; }
"""
JS = """
const LEFT = 36, RIGHT = 6, TOP = 4, BELOW = 20, LOWEST = 140, HIGHEST = 680, NARROW = 640, CLOSEST = 80;
const OPAQUE = 255 << 24;
const STEPS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60];

const bytes = text => {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
};
const within = (x, low, high) => Math.min(Math.max(x, low), high);
const element = (name, parent, cls, text) => {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};
const rounded = value => String(Number(value.toPrecision(4)));
const marks = (low, high, step) => {
  const first = Math.ceil(low / step - 1e-9), count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => Number(((first + i) * step).toPrecision(10)));
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".maps");
  const { west, south, dx, dy, rows, columns, pixels } = data, [W, E, S, N] = data.extent;
  root.watcher?.disconnect();
  root.replaceChildren();

  const mask = bytes(data.mask), numbers = new Int32Array(rows * columns).fill(-1);
  const row = new Int32Array(pixels), column = new Int32Array(pixels);
  for (let r = 0, cell = 0, n = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, cell++) {
      if (!(mask[cell >> 3] & (128 >> (cell & 7)))) continue;
      row[n] = r;
      column[n] = c;
      numbers[cell] = n++;
    }
  }
  const coast = new Path2D(), corners = new Int16Array(bytes(data.coast).buffer);
  for (let i = 0, gap = true; i < corners.length; i += 2) {
    if (corners[i] === data.gap) { gap = true; continue; }
    coast[gap ? "moveTo" : "lineTo"](corners[i + 1] / data.parts, corners[i] / data.parts);
    gap = false;
  }

  const panels = data.panels.map(panel => {
    const part = element("section", root);
    const title = element("div", part, "title", panel.title);
    const said = element("p", part, "said");
    said.setAttribute("aria-live", "polite");
    const frame = element("div", part, "frame");
    const canvas = element("canvas", frame), mark = element("div", frame, "mark");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", panel.about);
    canvas.tabIndex = 0;
    const values = new Float32Array(bytes(panel.values).buffer), colours = new Uint32Array(pixels);
    const palette = panel.palette.map(c => {
      const [r, g, b] = [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16));
      return (OPAQUE | (b << 16) | (g << 8) | r) >>> 0;
    });
    const last = palette.length - 1, per = palette.length / (panel.high - panel.low);
    for (let i = 0; i < pixels; i++) {
      const value = values[i];
      if (value === value) colours[i] = palette[within(Math.floor((value - panel.low) * per), 0, last)];
    }
    explained(part, panel);
    return { ...panel, values, colours, canvas, mark, said, title };
  });

  const kept = String(data.extent);
  const view = root.view?.of === kept ? root.view : { of: kept, x: (W + E) / 2, y: (S + N) / 2, zoom: 1 };
  root.view = view;
  let width = 0, height = 0, here = null, asked = 0;  // of the map without its margins, in CSS pixels
  const k = () => view.zoom * Math.min(width / (E - W), height / (N - S));  // pixels per degree
  const x = lon => LEFT + width / 2 + (lon - view.x) * k(), y = lat => TOP + height / 2 - (lat - view.y) * k();
  const place = (left, top) => [view.x + (left - LEFT - width / 2) / k(), view.y - (top - TOP - height / 2) / k()];

  const inside = () => {
    view.zoom = within(view.zoom, 1, CLOSEST);
    const across = width / k() / 2, down = height / k() / 2;
    view.x = 2 * across >= E - W ? (W + E) / 2 : within(view.x, W + across, E - across);
    view.y = 2 * down >= N - S ? (S + N) / 2 : within(view.y, S + down, N - down);
  };

  const image = panel => {  // a canvas with a pixel for each cell of the grid, made when it is first needed
    if (panel.image) return panel.image;
    const made = document.createElement("canvas"), g = made.getContext("2d");
    made.width = columns;
    made.height = rows;
    const picture = g.createImageData(columns, rows), out = new Uint32Array(picture.data.buffer);
    for (let i = 0; i < pixels; i++) out[(rows - 1 - row[i]) * columns + column[i]] = panel.colours[i];
    g.putImageData(picture, 0, 0);
    return (panel.image = made);
  };
  const dotted = (g, panel, scale) => {  // where cells are smaller than the screen's pixels: so that none is left out
    const wide = Math.round(width * scale), high = Math.round(height * scale);
    const picture = g.createImageData(wide, high), out = new Uint32Array(picture.data.buffer);
    const across = Int32Array.from({ length: columns }, (_, c) => Math.floor((x(west + c * dx) - LEFT) * scale));
    const down = Int32Array.from({ length: rows }, (_, r) => Math.floor((y(south + r * dy) - TOP) * scale));
    for (let i = 0; i < pixels; i++) {
      const a = across[column[i]], b = down[row[i]];
      if (panel.colours[i] && a >= 0 && a < wide && b >= 0 && b < high) out[b * wide + a] = panel.colours[i];
    }
    g.putImageData(picture, Math.round(LEFT * scale), Math.round(TOP * scale));
  };

  const draw = panel => {
    const { canvas } = panel, scale = window.devicePixelRatio || 1, style = getComputedStyle(canvas);
    const full = [LEFT + width + RIGHT, TOP + height + BELOW];
    canvas.style.height = full[1] + "px";
    canvas.width = Math.round(full[0] * scale);
    canvas.height = Math.round(full[1] * scale);
    const g = canvas.getContext("2d"), zoom = k();
    if (zoom * Math.max(dx, dy) * scale < 1) dotted(g, panel, scale);
    g.save();
    g.scale(scale, scale);
    g.beginPath();
    g.rect(LEFT, TOP, width, height);
    g.clip();
    if (zoom * Math.max(dx, dy) * scale >= 1) {
      g.imageSmoothingEnabled = false;
      const top = y(south + (rows - 0.5) * dy);
      g.drawImage(image(panel), x(west - dx / 2), top, columns * dx * zoom, rows * dy * zoom);
    }
    g.translate(x(0), y(0));
    g.scale(zoom, -zoom);
    g.strokeStyle = data.line;
    g.lineWidth = (width < NARROW / 2 ? 0.5 : 0.8) / zoom;
    g.stroke(coast);
    g.restore();

    g.scale(scale, scale);
    g.strokeStyle = data.line + "66";
    g.strokeRect(LEFT + 0.5, TOP + 0.5, width - 1, height - 1);
    g.fillStyle = style.color;
    g.font = "11px " + (style.getPropertyValue("--st-font") || "sans-serif");
    const [w, n] = place(LEFT, TOP), [e, s] = place(LEFT + width, TOP + height);
    const every = room => STEPS.find(step => step * zoom >= room) || 90;
    g.textAlign = "center";
    g.textBaseline = "top";
    for (const lon of marks(w, e, every(52))) {
      g.fillText(lon + "°", within(x(lon), LEFT + 12, LEFT + width - 12), TOP + height + 5);
    }
    g.textAlign = "right";
    g.textBaseline = "middle";
    for (const lat of marks(s, n, every(26))) g.fillText(lat + "°", LEFT - 5, within(y(lat), 8, TOP + height - 5));
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";  // a map at rest lets a finger scroll the page
    canvas.dataset.view = JSON.stringify({ west: w, east: e, south: s, north: n, left: LEFT, top: TOP, width, height });
    canvas.dataset.drawn = "true";
  };

  const tell = () => panels.forEach(panel => {
    panel.mark.style.visibility = "hidden";
    panel.said.textContent = "";
    if (!here) return;
    const c = Math.round((here[0] - west) / dx), r = Math.round((here[1] - south) / dy);
    const n = c >= 0 && c < columns && r >= 0 && r < rows ? numbers[r * columns + c] : -1;
    const value = n < 0 ? NaN : panel.values[n], known = value === value;
    const [lon, lat] = known ? [west + c * dx, south + r * dy] : here;
    const words = panel.groups.length ? panel.groups[value] : `${rounded(value)} ${panel.unit}`.trim();
    panel.said.textContent = `${lat.toFixed(2)}°, ${lon.toFixed(2)}°: ${known ? words : "no value"}`;
    const size = [Math.max(dx * k(), 7), Math.max(dy * k(), 7)], at = [x(lon) - size[0] / 2, y(lat) - size[1] / 2];
    if (at[0] < LEFT - 4 || at[0] > LEFT + width || at[1] < TOP - 4 || at[1] > TOP + height) return;
    panel.mark.style.width = size[0] + "px";
    panel.mark.style.height = size[1] + "px";
    panel.mark.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
    panel.mark.style.visibility = "visible";
  });

  const redraw = () => {
    inside();
    asked ||= requestAnimationFrame(() => { asked = 0; panels.forEach(draw); tell(); });
  };
  const lay = () => {
    const beside = !data.stacked && panels.length > 1 && root.clientWidth >= NARROW;
    root.classList.toggle("beside", beside);
    panels.forEach((p, i) => p.title.classList.toggle("corner", i === (beside ? panels.length - 1 : 0)));
    const room = panels[0].canvas.clientWidth;
    if (!room) return;
    width = room - LEFT - RIGHT;
    height = Math.round(within(width * (N - S) / (E - W), LOWEST, HIGHEST));
    inside();
    panels.forEach(draw);
    tell();
  };
  const zoomed = (factor, left = LEFT + width / 2, top = TOP + height / 2) => {
    const before = view.zoom, [lon, lat] = place(left, top);
    view.zoom = within(before * factor, 1, CLOSEST);
    view.x = lon - (left - LEFT - width / 2) / k();
    view.y = lat + (top - TOP - height / 2) / k();
    redraw();
    return view.zoom !== before;
  };
  const moved = (left, top) => { view.x -= left / k(); view.y += top / k(); redraw(); };
  const reset = () => { view.zoom = 1; redraw(); };

  const KEYS = {
    ArrowLeft: () => moved(width / 8, 0), ArrowRight: () => moved(-width / 8, 0),
    ArrowUp: () => moved(0, height / 8), ArrowDown: () => moved(0, -height / 8),
    "+": () => zoomed(1.5), "=": () => zoomed(1.5), "-": () => zoomed(1 / 1.5), "0": reset, Home: reset,
  };
  const fingers = new Map();
  const middle = () => {
    const all = [...fingers.values()], [a, b] = [all[0], all[all.length - 1]];
    return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, Math.hypot(a[0] - b[0], a[1] - b[1])];
  };
  panels.forEach(({ canvas }) => {
    canvas.onpointerdown = event => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      here = place(event.offsetX, event.offsetY);
      tell();
    };
    canvas.onpointermove = event => {
      here = place(event.offsetX, event.offsetY);
      if (!fingers.has(event.pointerId)) return tell();
      const [left, top, apart] = middle();
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      const [right, below, wider] = middle();
      moved(right - left, below - top);
      if (apart > 0 && wider > 0) zoomed(wider / apart, right, below);
    };
    canvas.onpointerup = canvas.onpointercancel = event => { fingers.delete(event.pointerId); };
    canvas.onpointerleave = event => {
      if (event.pointerType !== "mouse" || fingers.size) return;
      here = null;
      tell();
    };
    canvas.addEventListener("wheel", event => {
      const turned = event.deltaY * (event.deltaMode ? 30 : 1);  // a map that is whole lets the page scroll on
      if (zoomed(Math.exp(-within(turned, -300, 300) / 500), event.offsetX, event.offsetY)) event.preventDefault();
    }, { passive: false });
    canvas.ondblclick = reset;
    canvas.onkeydown = event => {
      if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      KEYS[event.key]();
      here = [view.x, view.y];
    };
    canvas.onblur = () => { here = null; tell(); };
  });
  const tools = element("div", root, "tools");
  for (const [sign, name, act] of [
    ["+", "Zoom in", () => zoomed(1.5)], ["−", "Zoom out", () => zoomed(1 / 1.5)], ["Reset", "Whole map", reset],
  ]) {
    const button = element("button", tools, "", sign);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.onclick = act;
  }
  const watcher = root.watcher = new ResizeObserver(lay);
  watcher.observe(root);
  lay();
  return () => watcher.disconnect();
}

function explained(part, panel) {  // what the colours mean
  const key = element("div", part, "key");
  element("div", key, "", panel.label);
  if (panel.groups.length) {
    const groups = element("div", key, "groups");
    panel.groups.forEach((name, i) => {
      const one = element("span", groups);
      element("i", one).style.background = panel.palette[i];
      one.append(name);
    });
    return;
  }
  element("div", key, "strip").style.background = `linear-gradient(to right, ${panel.palette.join(",")})`;
  const ticks = element("div", key, "ticks"), range = panel.high - panel.low;
  const rough = range / 7, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find(n => n * ten >= rough * 0.999);
  for (const value of marks(panel.low, panel.high, step)) {
    const words = Math.abs(value) >= 1e5 ? value.toExponential() : String(value);
    element("span", ticks, "", words).style.left = `${100 * (value - panel.low) / range}%`;
  }
}
"""

_COMPONENT = "landlab_map"
GAP = 32_767
"""Instead of a corner, where one line of the coast ends and the next begins."""


def show(where: Places, grid: Raster, panels: Sequence[Panel], stacked: bool, key: str) -> None:
    """Draw the panels, beside each other where there is room unless `stacked`."""
    component = st.components.v2.component(_COMPONENT, html=HTML, css=CSS, js=JS)
    component(data=data(where, grid, panels, stacked), key=key)


def data(where: Places, grid: Raster, panels: Sequence[Panel], stacked: bool) -> dict[str, Any]:
    """Data for the browser: bits of the cells that have a pixel, row by row, and values of these alone, float32."""
    filled = [grid.fill(panel.values) for panel in panels]
    there = np.any([np.isfinite(values) for values in filled], axis=0)
    box = extent(where)
    lat, lon = coast.lines()
    kept = near(lat, lon, *box)
    corners = coast.EIGHTH * np.stack([lat, lon], axis=1)[kept]
    return {
        **{"west": grid.west, "south": grid.south, "dy": grid.steps[0], "dx": grid.steps[1]},
        **{"rows": grid.shape[0], "columns": grid.shape[1], "extent": box, "stacked": stacked},
        **{"pixels": int(there.sum()), "mask": _sent(np.packbits(there))},
        **{"coast": _sent(np.nan_to_num(corners, nan=GAP).astype("<i2")), "gap": GAP},
        **{"parts": coast.EIGHTH, "line": GREY},
        "panels": [
            {
                **{"title": panel.title, "label": panel.label, "unit": panel.unit, "groups": panel.groups},
                "about": f"{panel.title}: {panel.label}, {int(np.isfinite(values).sum())} pixels",
                **{"low": panel.low, "high": panel.high, "palette": colours(panel)},
                "values": _sent(values[there].astype("<f4")),
            }
            for panel, values in zip(panels, filled, strict=True)
        ],
    }


def _sent(array: Values) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
