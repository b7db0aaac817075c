#include <sstream>

#include "support/problem.hpp"

namespace tconv_test {
namespace {

const char* kind_name(tconv::ActivationKind kind) {
  constexpr const char* names[] = {"none",    "relu", "clamp", "leaky_relu", "prelu",      "tanh",
                                   "sigmoid", "silu", "gelu",  "elu",        "hard_swish", "softplus"};
  const auto index = static_cast<size_t>(kind);
  return index < sizeof names / sizeof *names ? names[index] : "?";
}

void print(std::ostream& out, const char* name, const tconv::Activation& f) {
  if (f.kind == tconv::ActivationKind::none) return;
  out << ' ' << name << '=' << kind_name(f.kind) << '(' << f.alpha << ", " << f.beta << ')';
}

void print(std::ostream& out, const char* name, const tconv::Pitch& p) {
  if (p.pixel == 0 && p.row == 0 && p.plane == 0 && p.channel == 0 && p.batch == 0) return;
  out << ' ' << name << "={pixel " << p.pixel << ", row " << p.row << ", plane " << p.plane << ", channel " << p.channel
      << ", batch " << p.batch << '}';
}

void print(std::ostream& out, const char* name, const Gaps& g) {
  if (g.none()) return;
  out << ' ' << name << "={pixel " << g.pixel << ", row " << g.row << ", plane " << g.plane << ", channel " << g.channel
      << ", batch " << g.batch << '}';
}

}  // namespace

std::string to_string(const tconv::Description& d) {
  std::ostringstream out;
  out << "rank=" << d.rank << " batch=" << d.batch << " in_channels=" << d.in_channels << " out_channels=" << d.out_channels
      << " groups=" << d.groups;
  for (int a = 0; a < d.rank && a < tconv::max_rank; ++a) {
    const tconv::Axis& axis = d.axis[a];
    out << " axis[" << a << "]={input " << axis.input << ", kernel " << axis.kernel << ", stride " << axis.stride << ", dilation "
        << axis.dilation << ", pad " << axis.pad_begin << ' ' << axis.pad_end << ", output_padding " << axis.output_padding << '}';
    if (d.output_shape[a] != 0) out << " output_shape[" << a << "]=" << d.output_shape[a];
  }
  constexpr const char* auto_pads[] = {"notset", "same_upper", "same_lower", "valid"};
  if (d.auto_pad != tconv::AutoPad::notset) out << " auto_pad=" << auto_pads[static_cast<int>(d.auto_pad) & 3];
  out << " layout=" << (d.layout == tconv::Layout::nhwc ? "nhwc" : "nchw");
  print(out, "input_pitch", d.input_pitch);
  print(out, "output_pitch", d.output_pitch);
  print(out, "residual_pitch", d.residual_pitch);
  print(out, "input_activation", d.input_activation);
  print(out, "activation", d.activation);
  if (d.residual) out << " residual";
  return out.str();
}

std::string to_string(const Variant& v) {
  std::ostringstream out;
  out << "target=" << tconv::target_name(v.target) << " algorithm=" << tconv::algorithm_name(v.algorithm)
      << " layout=" << (v.layout == tconv::Layout::nhwc ? "nhwc" : "nchw")
      << (v.placement == Placement::ends_at_guard ? " ends_at_guard" : " begins_at_guard");
  print(out, "input_gaps", v.input_gaps);
  print(out, "output_gaps", v.output_gaps);
  print(out, "residual_gaps", v.residual_gaps);
  if (v.residual_in_place) out << " residual_in_place";
  if (v.cache.l1 != 0) out << " caches=" << v.cache.l1 << '/' << v.cache.l2 << '/' << v.cache.l3;
  if (v.parallelism.parallel_for != nullptr) out << " threads=" << v.parallelism.threads;
  return out.str();
}

}  // namespace tconv_test
