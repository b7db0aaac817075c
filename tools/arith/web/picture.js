// The panels as SVG text. Twin of tools/arith/picture.cpp, which draws the same panels for --svg; a test compares the two letter by
// letter. All coordinates are integers. `a` is a valid axis, `at` the output that is being computed.
'use strict';

const CELL = 30;
const SMALL = 24;
const GUTTER = 96;

const sub = (letter, n) => `${letter}${n}`;
const rect = (x, y, w, h, cls) => `<rect class="${cls}" x="${x}" y="${y}" width="${w}" height="${h}" rx="3"/>`;
const words = (x, y, cls, text) => `<text class="${cls}" x="${x}" y="${y}">${text}</text>`;

// A square with a label. `out` >= 0 makes it an output cell that can be picked.
function cell(x, y, size, cls, label, out = -1) {
  const pick = out >= 0 ? ` data-o="${out}"` : '';
  return `<g class="c ${cls}"${pick}><rect x="${x + 1}" y="${y + 1}" width="${size - 2}" height="${size - 2}" rx="3"/>` +
      `<text x="${x + size / 2}" y="${y + size / 2 + 4}">${label}</text></g>`;
}

const phaseClass = (a, o) => `f${modulo(o + a.pad_begin, a.stride) % 7}`;
const sumText = (a, at) => {
  const terms = productsOf(a, at).map((p) => `${sub('x', p.input)}·${sub('w', p.tap)}`);
  return `${sub('y', at)} = ${terms.length ? terms.join(' + ') : 'bias alone'}`;
};
// Room for a sum of so many terms, which no one measures.
const sumWidth = (terms) => GUTTER + 60 + 62 * terms;
const times = (n) => (n === 1 ? '1 multiplication' : `${n} multiplications`);

// The columns that the scatter and zero-insertion panels share: column u holds cell u of the uncropped output, and input m of the
// stretched input stands above the column s * m where its first product lands.
function columns(a) {
  const first = Math.min(0, a.pad_begin - a.dilation * (a.kernel - 1));
  const last = reach(a) + a.output_padding - 1;
  return {first, last, x: (u) => GUTTER + (u - first) * CELL, width: GUTTER + (last - first + 1) * CELL + 8};
}

function outputRow(a, at, col, y) {
  let s = words(GUTTER - 10, y + 19, 'label', 'output');
  const size = outputSize(a);
  for (let u = 0; u <= col.last; ++u) {
    const o = u - a.pad_begin;
    if (o < 0 || o >= size) {
      s += cell(col.x(u), y, CELL, 'cut', '');
    } else {
      s += cell(col.x(u), y, CELL, `y ${phaseClass(a, o)}${o === at ? ' hit' : ''}`, sub('y', o), o);
    }
  }
  return s;
}

function panelScatter(a, at) {
  const col = columns(a);
  const size = outputSize(a);
  const bottom = a.input * CELL + 8;
  let s = '';
  for (let m = 0; m < a.input; ++m) {
    const used = productsOf(a, at).some((p) => p.input === m);
    s += cell(GUTTER - 50, m * CELL, CELL, used ? 'x read' : 'x', sub('x', m)) + words(GUTTER - 10, m * CELL + 19, 'label', '·');
    for (let t = 0; t < a.kernel; ++t) {
      const u = a.stride * m + a.dilation * t, o = u - a.pad_begin;
      const cls = o < 0 || o >= size ? 'cut' : `w ${phaseClass(a, o)}${o === at ? ' hit' : ''}`;
      s += cell(col.x(u), m * CELL, CELL, cls, sub('w', t));
    }
  }
  s += outputRow(a, at, col, bottom);
  s += rect(col.x(at + a.pad_begin) - 2, 0, CELL + 4, bottom + CELL + 2, 'now');
  s += words(GUTTER, bottom + CELL + 22, 'sum', sumText(a, at));
  return {
    title: 'Scatter: every input adds its taps into the output', width: Math.max(col.width, sumWidth(productsOf(a, at).length)),
    height: bottom + CELL + 30, body: s,
    description: `Each of ${plural(a.input, 'input')} is multiplied by ${plural(a.kernel, 'tap')}; the products land ` +
        `${plural(a.stride, 'cell')} further for each input and are added up column by column. ${sumText(a, at)}.`,
  };
}

function panelZeroInsertion(a, at) {
  const col = columns(a);
  const stretched = a.stride * (a.input - 1);
  const lowest = a.pad_begin - a.dilation * (a.kernel - 1), highest = a.pad_begin + outputSize(a) - 1;
  const met = new Map(productsOf(a, at).map((p) => [a.stride * p.input, p.tap]));
  const terms = [];
  let s = rect(col.x(at + a.pad_begin) - 2, 2 * CELL + 6, CELL + 4, CELL + 4, 'now');
  s += words(GUTTER - 10, 19, 'label', 'kernel');
  s += words(GUTTER - 10, CELL + 19, 'label', 'input');
  const read = new Set();
  for (let t = 0; t < a.kernel; ++t) {
    const u = at + a.pad_begin - a.dilation * t;
    read.add(u);
    s += cell(col.x(u), 0, CELL, met.has(u) ? `w ${phaseClass(a, at)} hit` : 'idle', sub('w', t));
    terms.push(`${met.has(u) ? sub('x', u / a.stride) : '0'}·${sub('w', t)}`);
  }
  for (let u = Math.min(0, lowest); u <= Math.max(stretched, highest); ++u) {
    const outside = u < 0 || u > stretched, real = !outside && u % a.stride === 0;
    let cls = outside ? 'pad' : real ? 'x' : 'ins';
    if (u < lowest || u > highest) cls = 'cut';
    s += cell(col.x(u), CELL, CELL, read.has(u) ? `${cls} read` : cls, real ? sub('x', u / a.stride) : '0');
  }
  s += outputRow(a, at, col, 2 * CELL + 8);
  const wasted = a.kernel - met.size;
  const count = `${times(a.kernel)}, ${wasted} with a zero`;
  s += words(GUTTER, 3 * CELL + 30, 'sum', `${sub('y', at)} = ${terms.join(' + ')}`);
  s += words(GUTTER, 3 * CELL + 48, 'sum', count);
  return {
    title: 'Zero insertion: stretch, pad, convolve with the flipped kernel', width: Math.max(col.width, sumWidth(a.kernel)),
    height: 3 * CELL + 56, body: s,
    description: `Between neighbouring inputs: ${plural(a.stride - 1, 'zero')}; before them: ${Math.max(0, -lowest)}. The flipped ` +
        `kernel slides over all of it by one cell per output. ${sub('y', at)} takes ${count}.`,
  };
}

function panelPhases(a, at) {
  const phases = [];
  for (let r = 0; r < a.stride; ++r) phases.push(phaseOf(a, r));
  const size = outputSize(a);
  const r = modulo(at + a.pad_begin, a.stride), q = (at + a.pad_begin - r) / a.stride, now = phases[r];
  let first = 0, last = a.input - 1, texts = 0;
  for (const p of phases) {
    for (const edge of [p.q_begin, p.q_end - 1]) {
      if (p.outputs === 0) continue;
      first = Math.min(first, edge, p.taps ? edge - p.input_offset - (p.taps - 1) * p.input_step : edge);
      last = Math.max(last, edge, edge - (p.taps ? p.input_offset : 0));
    }
    texts = Math.max(texts, p.taps === 0 ? 10 : 3 * p.taps);
  }
  const x = (column) => GUTTER + (column - first) * CELL;
  const read = new Map();
  for (let j = 0; j < now.taps; ++j) read.set(q - now.input_offset - j * now.input_step, now.first_tap + j * now.tap_step);
  let s = words(GUTTER - 10, 19, 'label', 'sub-kernel') + words(GUTTER - 10, CELL + 19, 'label', 'input');
  for (const [m, t] of read) {
    const real = m >= 0 && m < a.input;
    s += cell(x(m), 0, CELL, real ? `w f${r % 7} hit` : 'idle', sub('w', t));
    if (!real) s += cell(x(m), CELL, CELL, 'pad read', '–');
  }
  for (let m = 0; m < a.input; ++m) s += cell(x(m), CELL, CELL, read.has(m) ? 'x read' : 'x', sub('x', m));
  let y = 2 * CELL + 8;
  for (const p of phases) {
    s += words(GUTTER - 10, y + 19, 'label', `phase ${p.index}`);
    for (let k = p.q_begin; k < p.q_end; ++k) {
      const o = a.stride * k + p.index - a.pad_begin;
      const cls = p.taps === 0 ? 'dead' : `y f${p.index % 7}`;
      s += cell(x(k), y, CELL, o === at ? `${cls} hit` : cls, sub('y', o), o);
    }
    const taps = [];
    for (let j = 0; j < p.taps; ++j) taps.push(sub('w', p.first_tap + j * p.tap_step));
    s += words(x(last + 1) + 10, y + 19, 'side', p.taps === 0 ? 'bias alone' : taps.join(' '));
    y += CELL;
  }
  y += 8;
  s += words(GUTTER - 10, y + 19, 'label', 'output');
  for (let o = 0; o < size; ++o) {
    const cls = phases[modulo(o + a.pad_begin, a.stride)].taps === 0 ? 'dead' : `y ${phaseClass(a, o)}`;
    s += cell(GUTTER + o * CELL, y, CELL, o === at ? `${cls} hit` : cls, sub('y', o), o);
  }
  const count = times(productsOf(a, at).length);
  s += words(GUTTER, y + CELL + 22, 'sum', `${sumText(a, at)}: ${count}`);
  return {
    title: 'Phases: one small stride-1 convolution each, no zero anywhere', height: y + CELL + 30, body: s,
    width: Math.max(x(last + 1) + 20 + 8 * texts, GUTTER + size * CELL + 8, sumWidth(productsOf(a, at).length + 2)),
    description: `The outputs fall into ${plural(a.stride, 'phase')}; each is an ordinary convolution of the input as it is with its own ` +
        `taps, and the phases interleave to the output. ${sub('y', at)} belongs to phase ${r} and takes ${count}.`,
  };
}

function panelMatrix(a, at) {
  const size = outputSize(a);
  const top = 44, left = 34;
  const right = left + Math.max(size * SMALL, 170) + 50;
  let s = words(left, 14, 'head', 'C: the convolution, y to x') + words(right, 14, 'head', 'Cᵀ: this layer, x to y');
  for (let m = 0; m < a.input; ++m) {
    s += words(left - 6, top + m * SMALL + 16, 'tick', sub('x', m));
    s += words(right + m * SMALL + 20, top - 8, 'tick', sub('x', m));
  }
  for (let o = 0; o < size; ++o) {
    s += words(left + o * SMALL + 20, top - 8, 'tick', sub('y', o));
    s += words(right - 6, top + o * SMALL + 16, 'tick', sub('y', o));
    const taps = new Map(productsOf(a, o).map((p) => [p.input, p.tap]));
    for (let m = 0; m < a.input; ++m) {
      const cls = taps.has(m) ? `w ${phaseClass(a, o)}${o === at ? ' hit' : ''}` : 'z';
      const label = taps.has(m) ? sub('w', taps.get(m)) : '';
      s += cell(left + o * SMALL, top + m * SMALL, SMALL, cls, label);
      s += cell(right + m * SMALL, top + o * SMALL, SMALL, cls, label, o);
    }
  }
  s += rect(left + at * SMALL - 2, top - 2, SMALL + 4, a.input * SMALL + 4, 'now');
  s += rect(right - 2, top + at * SMALL - 2, a.input * SMALL + 4, SMALL + 4, 'now');
  return {
    title: 'Matrix: the convolution and its transpose', width: right + Math.max(a.input * SMALL, 150) + 8,
    height: top + Math.max(a.input, size) * SMALL + 8, body: s,
    description: `C has ${plural(a.input, 'row')} and ${plural(size, 'column')}; the layer multiplies by C transposed. Row ${sub('y', at)} of the ` +
        `transpose holds the taps of ${sumText(a, at)}. Empty elements are zero.`,
  };
}

// Two axes with the same numbers: how many products each output pixel gets.
function panelPlane(a, at) {
  const size = outputSize(a);
  const top = 22, left = 8;
  const right = left + a.input * SMALL + 44;
  const products = [];
  let most = 1;
  for (let o = 0; o < size; ++o) {
    products.push(productsOf(a, o));
    most = Math.max(most, products[o].length);
  }
  const read = new Set(products[at].map((p) => p.input));
  let s = words(left, 14, 'head', 'input') + words(right, 14, 'head', 'output: products per pixel');
  for (let y = 0; y < a.input; ++y) {
    for (let x = 0; x < a.input; ++x) {
      s += cell(left + x * SMALL, top + y * SMALL, SMALL, read.has(y) && read.has(x) ? 'x read' : 'x', '');
    }
  }
  for (let y = 0; y < size; ++y) {
    for (let x = 0; x < size; ++x) {
      const n = products[y].length * products[x].length;
      const level = floorDiv(4 * n + most * most - 1, most * most);
      const cls = `n${level}${y === at && x === at ? ' hit' : ''}`;
      s += cell(right + x * SMALL, top + y * SMALL, SMALL, cls, `${n}`, x === y ? x : -1);
    }
  }
  const fewest = products.reduce((least, p) => Math.min(least, p.length), most);
  return {
    title: 'Two axes alike: who gets how many products', width: right + Math.max(size * SMALL, 190) + 8,
    height: top + Math.max(a.input, size) * SMALL + 8, body: s,
    description: `A ${a.input} by ${a.input} input and a ${size} by ${size} output with these numbers on both axes. Output pixels ` +
        `get between ${fewest * fewest} and ${most * most} products. Pixel (${at}, ${at}) reads the marked inputs.`,
  };
}

const PANELS = [panelScatter, panelZeroInsertion, panelPhases, panelMatrix, panelPlane];

// A panel as a picture of its own, for the page.
function panelSvg(panel) {
  return `<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 ${panel.width} ${panel.height}" ` +
      `width="${panel.width}" height="${panel.height}" role="img" aria-label="${panel.title}. ${panel.description}">${panel.body}</svg>`;
}
