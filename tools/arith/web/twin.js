// The arithmetic of one axis once more, for the sliders. Twin of the library's geometry as `tconv arith --json` prints it: the same
// keys, the same numbers, the same messages. A test holds the two against each other over thousands of random axes.
'use strict';

const floorDiv = (a, b) => Math.floor(a / b);
const ceilDiv = (a, b) => Math.ceil(a / b) + 0;  // + 0 turns -0 into 0
const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));
const plural = (n, thing) => `${n} ${thing}${n === 1 ? '' : 's'}`;
const modulo = (a, b) => ((a % b) + b) % b;

// axis: {input, kernel, stride, dilation, pad_begin, pad_end, output_padding}. The message of the first rule broken, or ''.
function axisError(a) {
  for (const field of ['input', 'kernel', 'stride', 'dilation']) {
    if (a[field] < 1) return `${field} = ${a[field]}: must be at least 1`;
  }
  for (const field of ['pad_begin', 'pad_end', 'output_padding']) {
    if (a[field] < 0) return `${field} = ${a[field]}: must not be negative`;
  }
  const limit = Math.max(a.stride, a.dilation);
  if (a.output_padding >= limit) {
    return `output_padding = ${a.output_padding}: must be smaller than max(stride, dilation) = ${limit}`;
  }
  const uncropped = reach(a) + a.output_padding;
  if (uncropped - a.pad_begin - a.pad_end < 1) {
    return `padding leaves no output: pad_begin + pad_end = ${a.pad_begin} + ${a.pad_end}, uncropped output is ${uncropped}, ` +
        `so they may cut off at most ${uncropped - 1}`;
  }
  return '';
}

// s * (i - 1) + d * (k - 1) + 1: what the inputs reach before padding cuts and output padding adds.
const reach = (a) => a.stride * (a.input - 1) + a.dilation * (a.kernel - 1) + 1;
const outputSize = (a) => reach(a) - a.pad_begin - a.pad_end + a.output_padding;

// The products that land in output o, by ascending tap: {tap, input}.
function productsOf(a, o) {
  const products = [];
  for (let tap = 0; tap < a.kernel; ++tap) {
    const distance = o + a.pad_begin - a.dilation * tap;
    if (distance >= 0 && distance % a.stride === 0 && distance / a.stride < a.input) {
      products.push({tap, input: distance / a.stride});
    }
  }
  return products;
}

function phaseOf(a, index) {
  const g = gcd(a.dilation, a.stride);
  const qBegin = ceilDiv(a.pad_begin - index, a.stride);
  const qEnd = Math.max(qBegin, floorDiv(outputSize(a) - 1 + a.pad_begin - index, a.stride) + 1);
  const phase = {
    index, taps: 0, first_tap: 0, tap_step: a.stride / g, input_offset: 0, input_step: a.dilation / g,
    q_begin: qBegin, q_end: qEnd, first_output: a.stride * qBegin + index - a.pad_begin, outputs: qEnd - qBegin,
  };
  for (let t = 0; t < Math.min(a.kernel, phase.tap_step); ++t) {
    if (modulo(a.dilation * t - index, a.stride) !== 0) continue;
    phase.first_tap = t;
    phase.taps = floorDiv(a.kernel - 1 - t, phase.tap_step) + 1;
    phase.input_offset = (a.dilation * t - index) / a.stride;
    break;
  }
  return phase;
}

function multiplicationsOf(a) {
  const outputs = outputSize(a);
  const stretched = a.stride * (a.input - 1);
  let met = 0, inside = 0;
  for (let o = 0; o < outputs; ++o) {
    met += productsOf(a, o).length;
    for (let t = 0; t < a.kernel; ++t) {
      const cell = o + a.pad_begin - a.dilation * t;
      if (cell >= 0 && cell <= stretched) ++inside;
    }
  }
  const all = outputs * a.kernel, scatter = a.input * a.kernel;
  return {
    zero_insertion: all, inserted_zeros: inside - met, border_zeros: all - inside, phases: met, scatter, cropped: scatter - met,
    wasted_share: (all - met) / all, channel_pairs: 1,
  };
}

function relationshipOf(a) {
  if (a.dilation !== 1 || a.pad_begin !== a.pad_end || a.output_padding >= a.stride) return 0;
  const p = a.pad_begin;
  if (a.stride > 1) return a.output_padding > 0 ? 14 : p > 0 ? 13 : 12;
  if (p === 0) return 8;
  if (a.kernel % 2 === 1 && p === floorDiv(a.kernel, 2)) return 10;
  return p === a.kernel - 1 ? 11 : 9;
}

function warningsOf(a) {
  const warnings = [];
  const add = (code, message) => warnings.push({code, axis: 0, message});
  const g = gcd(a.dilation, a.stride), period = a.stride / g, full = a.dilation * (a.kernel - 1);
  const dead = a.stride - Math.min(a.kernel, period);
  if (a.kernel > period && a.kernel % period !== 0) {
    const fewest = floorDiv(a.kernel, period), below = fewest * period;
    const of = g === 1 ? `stride = ${a.stride}` : `stride / gcd(stride, dilation) = ${period}`;
    add('uneven_overlap', `kernel = ${a.kernel} is not a multiple of ${of}: outputs get ${fewest} or ${fewest + 1} taps in turn, ` +
        `which draws a checkerboard; kernel = ${below} or ${below + period} is even`);
  }
  if (dead > 0) {
    const why = a.kernel < period ? `kernel = ${a.kernel} is smaller than stride = ${a.stride}` :
                                    `dilation = ${a.dilation} and stride = ${a.stride} share the factor ${g}`;
    add('gaps', `${why}: ${dead} of every ${a.stride} outputs ${dead === 1 ? 'gets' : 'get'} the bias alone`);
  }
  if (a.pad_begin > full) {
    add('padding_beyond_kernel',
        `pad_begin = ${a.pad_begin} is larger than dilation * (kernel - 1) = ${full}: the first input reaches no output`);
  }
  if (a.pad_end - a.output_padding > full) {
    add('padding_beyond_kernel',
        `pad_end - output_padding = ${a.pad_end - a.output_padding} is larger than dilation * (kernel - 1) = ${full}: ` +
        `the last input reaches no output`);
  }
  if (a.output_padding > a.pad_end) {
    add('empty_output_padding', `output_padding = ${a.output_padding} is larger than pad_end = ${a.pad_end}: ` +
        `the bias alone fills the end, ${plural(a.output_padding - a.pad_end, 'output')}`);
  }
  if (a.output_padding >= a.stride) {
    add('output_padding_not_below_stride',
        `output_padding = ${a.output_padding} is not below stride = ${a.stride}: PyTorch takes it, onnxruntime and Keras refuse it`);
  }
  return warnings;
}

// What `tconv arith --json` prints for this axis, without the spellings of frameworks; {error} when it cannot be a layer.
function arith(a) {
  const error = axisError(a);
  if (error) return {error};
  const full = a.dilation * (a.kernel - 1);
  const phases = [];
  for (let r = 0; r < a.stride; ++r) phases.push(phaseOf(a, r));
  const size = outputSize(a);
  const windows = floorDiv(size + a.pad_begin + a.pad_end - full - 1, a.stride) + 1;  // of the ordinary convolution
  const least = a.stride * (windows - 1) + full + 1 - a.pad_begin - a.pad_end;
  return {
    rank: 1,
    input: [a.input], kernel: [a.kernel], stride: [a.stride], dilation: [a.dilation],
    pad_begin: [a.pad_begin], pad_end: [a.pad_end], output_padding: [a.output_padding],
    output_size: [size],
    equivalent_convolution: [{
      kernel: a.kernel, stride: 1, dilation: a.dilation, pad_begin: full - a.pad_begin,
      pad_end: full - a.pad_end + a.output_padding, inserted_zeros: a.stride - 1, stretched_input: a.stride * (a.input - 1) + 1,
    }],
    phases: [phases],
    multiplications: multiplicationsOf(a),
    guide_relationship: [relationshipOf(a)],
    convolution: [{
      input: size, output: windows, lost_remainder: a.output_padding % a.stride,
      inputs_with_this_output: [Math.max(1, least), least + a.stride - 1],
    }],
    warnings: warningsOf(a),
  };
}
