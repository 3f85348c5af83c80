"""The cells of a grid on the screen: setups x seeds, coloured by state; a click on one opens its run.

A few lines of canvas draw it, because plotly takes a second to arrive and the page that opens in the morning should not
wait for it. Labels go to the canvas as text, nothing of them is markup.
"""

import streamlit as st

from parts import text
from parts.progress import Cells

HTML = '<canvas role="img"></canvas><p aria-live="polite"></p>'
CSS = """
canvas { display: block; width: 100%; color: var(--st-text-color); cursor: default; }
p { margin: 2px 0 0; min-height: 1.3em; font: 13px var(--st-font); color: var(--st-text-color); opacity: 0.75; }
"""
JS = """
const ROW = 22, WIDEST = 34, SIGNED = 13, AXIS = 34;

export default function ({ data, parentElement, setTriggerValue }) {
  const canvas = parentElement.querySelector("canvas"), said = parentElement.querySelector("p");
  const { setups, seeds, states, names, signs, fills, label } = data;
  canvas.setAttribute("aria-label", label);
  let left = 0, wide = 0;

  const draw = () => {
    const width = canvas.clientWidth, height = setups.length * ROW + AXIS, scale = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.height = height + "px";
    const g = canvas.getContext("2d"), style = getComputedStyle(canvas);
    g.scale(scale, scale);
    g.textBaseline = "middle";
    g.font = "12px " + (style.getPropertyValue("--st-font") || "sans-serif");
    const longest = Math.max(...setups.map(s => g.measureText(s).width));
    left = Math.min(longest, width * 0.45) + 10;
    wide = Math.min((width - left) / seeds.length, WIDEST);
    const gap = wide > 6 ? 2 : wide > 3 ? 1 : 0;
    g.textAlign = "right";
    g.fillStyle = style.color;
    setups.forEach((s, i) => g.fillText(s, left - 8, (i + 0.5) * ROW, left - 8));
    g.textAlign = "center";
    states.forEach((row, i) => [...row].forEach((code, j) => {
      if (code === " ") return;
      g.fillStyle = fills[code];
      g.fillRect(left + j * wide, i * ROW, Math.max(wide - gap, 0.6), ROW - 2);
      if (wide < SIGNED) return;
      g.fillStyle = "#14171C";
      g.fillText(signs[code], left + (j + 0.5) * wide - gap / 2, (i + 0.5) * ROW - 1);
    }));
    g.fillStyle = style.color;
    const room = g.measureText(String(seeds[seeds.length - 1])).width + 10;
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find(n => n * wide >= room) || seeds.length;
    const foot = setups.length * ROW;
    seeds.forEach((seed, j) => { if (j % every === 0) g.fillText(seed, left + (j + 0.5) * wide, foot + 9); });
    g.textAlign = "left";
    g.fillText("seed", left, foot + 25);
    canvas.dataset.drawn = "yes";
  };

  const at = event => {
    const j = Math.floor((event.offsetX - left) / wide), i = Math.floor(event.offsetY / ROW);
    const code = j >= 0 && states[i] ? states[i][j] : undefined;
    return code === undefined || code === " " ? null : [i, j, code];
  };
  canvas.onmousemove = event => {
    const cell = at(event);
    canvas.style.cursor = cell ? "pointer" : "default";
    said.textContent = cell ? `${setups[cell[0]]}, seed ${seeds[cell[1]]}: ${names[cell[2]]}` : "";
  };
  canvas.onmouseleave = () => { said.textContent = ""; };
  canvas.onclick = event => { const cell = at(event); if (cell) setTriggerValue("opened", cell.slice(0, 2)); };
  canvas.watcher?.disconnect();
  canvas.watcher = new ResizeObserver(draw);
  canvas.watcher.observe(canvas);
  draw();
  return () => canvas.watcher?.disconnect();
}
"""

_COMPONENT = "landlab_cells"


def show(what: Cells, key: str, label: str) -> str | None:
    """Draw the cells; returns the run that was just clicked, if any. `label` is for those who do not see them."""
    codes = {state: str(code) for code, state in enumerate(text.STATES)}
    data = {
        "setups": list(what.setups),
        "seeds": list(what.seeds),
        "states": ["".join(codes.get(state, " ") for state in row) for row in what.state],
        "names": list(text.STATES),
        "signs": [sign for sign, _ in text.STATES.values()],
        "fills": list(text.FILLS.values()),
        "label": label,
    }
    component = st.components.v2.component(_COMPONENT, html=HTML, css=CSS, js=JS)
    clicked = component(data=data, key=key, on_opened_change=lambda: None).opened
    if not clicked:
        return None
    setup, seed = (int(place) for place in clicked)
    inside = 0 <= setup < len(what.setups) and 0 <= seed < len(what.seeds)
    return what.run_id[setup, seed] or None if inside else None
