#include "tools/arith/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/arith/advice.hpp"
#include "tools/arith/spelling.hpp"
#include "tools/support/error.hpp"

namespace tools::arith {
namespace {

using tconv::Axis;

constexpr int64_t max_told_phases = 8;  // --json has more
constexpr int64_t max_told_taps = 8;

std::string plural(int64_t n, const char* thing) { return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s"); }

bool alike(const Axis& a, const Axis& b) {
  return a.input == b.input && a.kernel == b.kernel && a.stride == b.stride && a.dilation == b.dilation &&
         a.pad_begin == b.pad_begin && a.pad_end == b.pad_end && a.output_padding == b.output_padding;
}

// "x[q-1]", "y[2q+1]".
std::string at(int64_t factor, int64_t offset) {
  return fmt::format("{}q{}", factor == 1 ? "" : fmt::format("{}", factor), offset == 0 ? "" : fmt::format("{:+}", offset));
}

std::string phase_text(const Axis& axis, const tconv::Phase& p) {
  if (p.q_begin == p.q_end) return "no output";
  const std::string output = fmt::format("y[{}]", at(axis.stride, p.index - axis.pad_begin));
  const std::string range = fmt::format("q = {}..{}", p.q_begin, p.q_end - 1);
  if (p.taps == 0) return fmt::format("{} = bias alone,  {}", output, range);
  std::vector<std::string> terms;
  for (int64_t j = 0; j < std::min(p.taps, max_told_taps); ++j) {
    terms.push_back(fmt::format("x[{}] w[{}]", at(1, -p.input_offset - j * p.input_step), tconv::phase_tap(p, j)));
  }
  if (p.taps > max_told_taps) terms.push_back(fmt::format("... ({} taps)", p.taps));
  return fmt::format("{} = {},  {}", output, fmt::join(terms, " + "), range);
}

std::string axis_text(const Axis& a, const std::string& heading) {
  const tconv::EquivalentConvolution e = tconv::equivalent_convolution(a);
  const int relationship = tconv::guide::relationship_of(a);
  const int64_t output = output_of(a);
  std::string s = fmt::format("{}: input {}, kernel {}, stride {}, dilation {}, padding {} and {}, output padding {}\n", heading,
                              a.input, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end, a.output_padding);
  s += fmt::format("  output size   o = s (i - 1) + d (k - 1) + 1 - p_begin - p_end + op = {}*{} + {}*{} + 1 - {} - {} + {} = {}\n",
                   a.stride, a.input - 1, a.dilation, a.kernel - 1, a.pad_begin, a.pad_end, a.output_padding, output);
  s += relationship > 0 ? fmt::format("                relationship {} of the guide (arXiv 1603.07285)\n", relationship)
                        : "                beyond the guide's relationships 8 to 14\n";
  s += fmt::format(
      "  equivalent    {} between inputs ({} -> {} cells), {} and {} around them; then k' = {}, s' = 1, d' = {}, flipped\n",
      plural(e.inserted_zeros, "zero"), a.input, e.stretched_input, e.pad_begin, e.pad_end, e.kernel, e.dilation);
  const tconv::ConvolutionAxis c = value_of(tconv::convolution_partner(a));
  const int64_t windows = value_of(tconv::convolution_output(c));
  const tconv::SizeRange same = value_of(tconv::convolution_inputs_for(c, windows));
  s += fmt::format("  backwards of  the convolution {} -> {}", c.input, windows);
  s += same.first == same.last ? "\n"
                               : fmt::format("; {} to {} all give {} there, output padding {} says {}\n", same.first, same.last,
                                             windows, a.output_padding, c.input);
  for (int64_t r = 0; r < std::min(a.stride, max_told_phases); ++r) {
    s += fmt::format("  {:<13} {}\n", r == 0 ? "phases" : "", phase_text(a, tconv::phase_of(a, r)));
  }
  if (a.stride > max_told_phases) s += fmt::format("                ... {} phases in all; --json lists them\n", a.stride);
  return s;
}

std::string multiplications_text(const Layer& layer) {
  const tconv::Multiplications m = value_of(tconv::count_multiplications(layer.axes.data(), layer.rank()));
  std::string s = layer.channel_pairs() == 1
                      ? "multiplications\n"
                      : fmt::format("multiplications, for each of {} pairs of channels\n", layer.channel_pairs());
  s += fmt::format("  zero insertion {:>12}   {} with inserted zeros, {} with zeros around them: {:.1f} % wasted\n",
                   m.zero_insertion, m.inserted_zeros, m.border_zeros, 100 * m.wasted_share());
  s += fmt::format("  scatter        {:>12}   {} land in cells that padding cuts off\n", m.scatter, m.cropped);
  s += fmt::format("  phases         {:>12}   none with a zero, none cut off\n", m.phases);
  return s;
}

}  // namespace

std::string to_text(const Layer& layer) {
  std::vector<int64_t> inputs;
  for (const Axis& axis : layer.axes) inputs.push_back(axis.input);
  std::string s = fmt::format("transposed convolution {} -> {}\n", fmt::join(inputs, " x "), fmt::join(outputs_of(layer), " x "));
  for (size_t axis = 0; axis < layer.convolution.size(); ++axis) {
    const tconv::ConvolutionAxis& c = layer.convolution[axis];
    s += fmt::format(
        "axis {}: brings back the convolution {} -> {} (kernel {}, stride {}, dilation {}, padding {} and {}), which leaves {} "
        "unread\n",
        axis, c.input, value_of(tconv::convolution_output(c)), c.kernel, c.stride, c.dilation, c.pad_begin, c.pad_end,
        plural(value_of(tconv::lost_remainder(c)), "cell"));
  }
  const bool one = std::all_of(layer.axes.begin(), layer.axes.end(), [&](const Axis& a) { return alike(a, layer.axes[0]); });
  for (int axis = 0; axis < (one ? 1 : layer.rank()); ++axis) {
    s += "\n" +
         axis_text(layer.axes[static_cast<size_t>(axis)], one && layer.rank() > 1 ? "each axis" : fmt::format("axis {}", axis));
  }
  s += "\n" + multiplications_text(layer);
  const std::vector<Warning> warnings = warnings_of(layer);
  if (!warnings.empty()) s += "\n";
  for (const Warning& w : warnings)
    s += fmt::format("warning: {}{}\n", layer.rank() > 1 ? fmt::format("axis {}: ", w.axis) : "", w.message);
  for (const Spelling& spelling : spell(layer)) {
    s += fmt::format("\n{}, weights {}\n", spelling.framework, spelling.weights);
    size_t start = 0;
    while (start < spelling.code.size()) {
      const size_t end = std::min(spelling.code.find('\n', start), spelling.code.size());
      s += "  " + spelling.code.substr(start, end - start) + "\n";
      start = end + 1;
    }
    if (!spelling.note.empty()) s += fmt::format("  ({})\n", spelling.note);
  }
  return s;
}

std::string fits_text(const std::vector<Axis>& fits, const std::string& name, int64_t limit) {
  std::string s = fmt::format("{}{} layers fit{}\n", name, fits.size(),
                              static_cast<int64_t>(fits.size()) > limit ? fmt::format("; the first {}:", limit) : ":");
  s += "  fit  input  kernel  stride  dilation  padding  output padding  output\n";
  for (size_t n = 0; n < std::min(fits.size(), static_cast<size_t>(limit)); ++n) {
    const Axis& a = fits[n];
    s += fmt::format("{:>5}  {:>5}  {:>6}  {:>6}  {:>8}  {:>7}  {:>14}  {:>6}\n", n + 1, a.input, a.kernel, a.stride, a.dilation,
                     a.pad_begin == a.pad_end ? fmt::format("{}", a.pad_begin) : fmt::format("{}:{}", a.pad_begin, a.pad_end),
                     a.output_padding, output_of(a));
  }
  return s;
}

}  // namespace tools::arith
