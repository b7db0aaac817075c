// The page: sliders, steps, counts. The arithmetic is in twin.js, the drawing in picture.js.
'use strict';

const firstCase = JSON.parse(document.getElementById('first-case').textContent);
const AXIS_FIELDS = ['input', 'kernel', 'stride', 'dilation', 'pad_begin', 'pad_end', 'output_padding'];
const EXAMPLES = [  // transposed convolutions of the guide's worked examples
  ['transpose of i = 4, k = 3, s = 1, p = 0', 2, 3, 1, 0, 0],
  ['transpose of i = 5, k = 4, s = 1, p = 2', 6, 4, 1, 2, 0],
  ['transpose of half padding: i = 5, k = 3, p = 1', 5, 3, 1, 1, 0],
  ['transpose of full padding: i = 5, k = 3, p = 2', 7, 3, 1, 2, 0],
  ['transpose of i = 5, k = 3, s = 2, p = 0', 2, 3, 2, 0, 0],
  ['transpose of i = 5, k = 3, s = 2, p = 1', 3, 3, 2, 1, 0],
  ['transpose of i = 6, k = 3, s = 2, p = 1 (remainder 1)', 3, 3, 2, 1, 1],
  ['doubling without checkerboard: k = 4, s = 2, p = 1', 4, 4, 2, 1, 0],
  ['tiles: k = s = 3', 4, 3, 3, 0, 0],
];

const byId = (id) => document.getElementById(id);
const state = {axis: {}, at: 0, timer: 0};

function axisOf(json) {
  const axis = {};
  for (const field of AXIS_FIELDS) axis[field] = json[field][0];
  return axis;
}

function showSliders() {
  const values = {...state.axis, padding: state.axis.pad_begin};
  for (const output of document.querySelectorAll('#controls output')) {
    const id = output.htmlFor[0], slider = byId(id);
    slider.max = Math.max(slider.max, values[id]);  // the first case may lie outside
    slider.value = values[id];
    const two = id === 'padding' && state.axis.pad_begin !== state.axis.pad_end;
    output.textContent = two ? `${state.axis.pad_begin}:${state.axis.pad_end}` : values[id];
  }
}

function factsHtml(a, r) {
  const e = r.equivalent_convolution[0], m = r.multiplications, c = r.convolution[0];
  const percent = Math.round(100 * m.wasted_share);
  const guide = r.guide_relationship[0] ? ` (the guide's relationship ${r.guide_relationship[0]})` : '';
  const pads = e.pad_begin === e.pad_end ? `${e.pad_begin}` : `${e.pad_begin} and ${e.pad_end}`;
  const facts = [
    `Output size <code>s(i − 1) + d(k − 1) + 1 − 2p + op = ${a.stride}·${a.input - 1} + ${a.dilation}·${a.kernel - 1} + 1 − ` +
        `${a.pad_begin + a.pad_end} + ${a.output_padding} = <b>${r.output_size[0]}</b></code>${guide}.`,
    `Equivalent convolution: k′ = ${e.kernel}, s′ = 1, p′ = ${pads}, over ${e.stretched_input} cells after inserting ` +
        `${e.inserted_zeros} zero${e.inserted_zeros === 1 ? '' : 's'} between neighbours; ${percent} % of its multiplications meet a zero.`,
    `It runs the convolution of ${c.input} cells backwards` +
        (c.inputs_with_this_output[0] < c.inputs_with_this_output[1] ?
             `; inputs of ${c.inputs_with_this_output.join(' to ')} all give ${c.output} outputs there, and op says which was meant.` : '.'),
  ];
  return facts.map((f) => `<p>${f}</p>`).join('') + r.warnings.map((w) => `<p class="warning">Note: ${w.message}.</p>`).join('');
}

// Multiplications up to output `at`. Scatter makes the products that padding cuts off as well: those before the output are counted
// with it, those behind the last output with the last.
function countsHtml(a, at, m) {
  let phases = 0, scattered = 0;
  for (let o = 0; o <= at; ++o) phases += productsOf(a, o).length;
  for (let i = 0; i < a.input; ++i) {
    for (let t = 0; t < a.kernel; ++t) scattered += a.stride * i + a.dilation * t <= at + a.pad_begin;
  }
  if (at === outputSize(a) - 1) scattered = m.scatter;
  const row = (name, sofar, all, wasted) => `<tr><th scope="row">${name}</th><td>${sofar}</td><td>${all}</td><td>${wasted}</td></tr>`;
  return row('scatter', scattered, m.scatter, m.cropped) +
      row('zero insertion', (at + 1) * a.kernel, m.zero_insertion, m.inserted_zeros + m.border_zeros) +
      row('phases', phases, m.phases, 0);
}

// Scrolls a picture that is wider than its frame, when what is being computed lies outside.
function keepInSight(frame, mark) {
  if (!mark) return;
  const seen = frame.getBoundingClientRect(), at = mark.getBoundingClientRect();
  if (at.left < seen.left || at.right > seen.right) frame.scrollLeft += (at.left + at.right - seen.left - seen.right) / 2;
}

function showStep() {
  const a = state.axis, r = arith(a);
  const panels = byId('panels');
  const scrolled = [...panels.querySelectorAll('.scroll')].map((s) => s.scrollLeft);
  panels.innerHTML = PANELS.map((draw) => {
    const panel = draw(a, state.at);
    return `<figure><figcaption><h2>${panel.title}</h2><p>${panel.description}</p></figcaption>` +
        `<div class="scroll" tabindex="0" role="group" aria-label="${panel.title}">${panelSvg(panel)}</div></figure>`;
  }).join('');
  panels.querySelectorAll('.scroll').forEach((s, n) => {
    s.scrollLeft = scrolled[n] || 0;
    keepInSight(s, s.querySelector('.now, .hit'));
  });
  byId('now').textContent = `Output ${state.at + 1} of ${r.output_size[0]}: ${sumText(a, state.at)}`;
  byId('counts').tBodies[0].innerHTML = countsHtml(a, state.at, r.multiplications);
  byId('previous').disabled = byId('first').disabled = state.at === 0;
  byId('next').disabled = byId('last').disabled = state.at === r.output_size[0] - 1;
}

function showLayer() {
  const r = arith(state.axis);
  showSliders();
  byId('error').hidden = !r.error;
  byId('results').hidden = Boolean(r.error);
  if (r.error) {
    stop();
    byId('error').textContent = `This cannot be a layer. ${r.error}.`;
    return;
  }
  state.at = Math.min(state.at, r.output_size[0] - 1);
  byId('facts').innerHTML = factsHtml(state.axis, r);
  showStep();
}

function go(at) {
  if (byId('results').hidden) return;
  state.at = Math.max(0, Math.min(at, outputSize(state.axis) - 1));
  showStep();
}

function stop() {
  clearInterval(state.timer);
  state.timer = 0;
  byId('play').setAttribute('aria-pressed', 'false');
  byId('play').textContent = 'Play';
}

function togglePlay() {
  if (state.timer) return stop();
  if (state.at === outputSize(state.axis) - 1) go(0);
  byId('play').setAttribute('aria-pressed', 'true');
  byId('play').textContent = 'Pause';
  state.timer = setInterval(() => {
    go(state.at + 1);
    if (state.at === outputSize(state.axis) - 1) stop();
  }, 900);
}

function setAxis(input, kernel, stride, dilation, padding, outputPadding) {
  state.axis = {input, kernel, stride, dilation, pad_begin: padding, pad_end: padding, output_padding: outputPadding};
  showLayer();
}

byId('controls').addEventListener('input', (event) => {
  if (event.target.id === 'example') {
    const e = EXAMPLES[event.target.value];
    if (e) {
      state.at = 0;
      setAxis(e[1], e[2], e[3], 1, e[4], e[5]);
    }
    return;
  }
  byId('example').value = '';
  const value = Number(event.target.value);
  if (event.target.id === 'padding') {
    state.axis.pad_begin = state.axis.pad_end = value;
  } else {
    state.axis[event.target.id] = value;
  }
  // A smaller stride or dilation lowers the limit of the output padding: follow it.
  if (event.target.id !== 'output_padding') {
    state.axis.output_padding = Math.min(state.axis.output_padding, Math.max(state.axis.stride, state.axis.dilation) - 1);
  }
  showLayer();
});
byId('controls').addEventListener('submit', (event) => event.preventDefault());
byId('first').addEventListener('click', () => go(0));
byId('previous').addEventListener('click', () => go(state.at - 1));
byId('next').addEventListener('click', () => go(state.at + 1));
byId('last').addEventListener('click', () => go(Infinity));
byId('play').addEventListener('click', togglePlay);
byId('panels').addEventListener('click', (event) => {
  const picked = event.target.closest('[data-o]');
  if (picked) go(Number(picked.dataset.o));
});
document.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest('input, select')) return;
  const moves = {ArrowLeft: state.at - 1, ArrowRight: state.at + 1, Home: 0, End: Infinity};
  if (event.key in moves) {
    go(moves[event.key]);
  } else if (event.key === ' ' && !event.target.closest('button')) {
    togglePlay();
  } else {
    return;
  }
  event.preventDefault();
});

EXAMPLES.forEach(([name], n) => byId('example').add(new Option(name, n)));
state.axis = axisOf(firstCase);
state.at = Number(document.body.dataset.at);
showLayer();
byId('check').textContent = JSON.stringify(arith(state.axis)) === JSON.stringify(firstCase) ?
    'The first case came from the library; this page computes the same numbers for it.' :
    'The numbers of this page differ from those that the library wrote into it: please report this.';
