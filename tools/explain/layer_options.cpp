#include "tools/explain/layer_options.hpp"

#include <fmt/format.h>

#include <vector>

#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/text.hpp"

namespace tools::explain {
namespace {

// One value for each of `rank` axes; a single one is repeated.
std::vector<int64_t> per_axis(const std::string& text, const char* option, size_t rank) {
  std::vector<int64_t> values = parse_integers(text, option);
  if (values.size() == 1) values.assign(rank, values[0]);
  if (values.size() != rank) {
    throw Error(ExitCode::bad_command_line, fmt::format("{} = {}: has {} values, --in has {}", option, text, values.size(), rank));
  }
  return values;
}

}  // namespace

void add_layer_options(CLI::App* verb, LayerOptions* o) {
  constexpr const char* group = "Layer";
  verb->add_option("--in", o->in, "Input size per axis: W, H,W or D,H,W")->group(group);
  verb->add_option("--in-channels", o->in_channels, "Input channels")->capture_default_str()->group(group);
  verb->add_option("--out-channels", o->out_channels, "Output channels")->capture_default_str()->group(group);
  verb->add_option("--groups", o->groups, "Groups")->capture_default_str()->group(group);
  verb->add_option("--batch", o->batch, "Batch")->capture_default_str()->group(group);
  verb->add_option("--kernel", o->kernel, "Kernel size")->group(group);
  verb->add_option("--stride", o->stride, "Stride")->capture_default_str()->group(group);
  verb->add_option("--dilation", o->dilation, "Dilation")->capture_default_str()->group(group);
  verb->add_option("--pad", o->pad, "Padding at the beginning, and at the end unless --pad-end is given")
      ->capture_default_str()
      ->group(group);
  verb->add_option("--pad-end", o->pad_end, "Padding at the end")->group(group);
  verb->add_option("--output-padding", o->output_padding, "Output padding")->capture_default_str()->group(group);
  verb->add_option("--output-shape", o->output_shape, "Output size per axis, instead of padding")->group(group);
  verb->add_option("--auto-pad", o->auto_pad, "ONNX's auto_pad")
      ->check(CLI::IsMember({"notset", "same_upper", "same_lower", "valid"}, CLI::ignore_case))
      ->capture_default_str()
      ->group(group);
  verb->add_option("--layout", o->layout, "Memory layout")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->capture_default_str()
      ->group(group);
}

tconv::Description description(const LayerOptions& o) {
  if (o.in.empty()) throw Error(ExitCode::bad_command_line, "--in is required (or a MODEL)");
  if (o.kernel.empty()) throw Error(ExitCode::bad_command_line, "--kernel is required");
  const std::vector<int64_t> in = parse_integers(o.in, "--in");
  if (in.size() > tconv::max_rank) throw Error(ExitCode::bad_command_line, fmt::format("--in = {}: has more than 3 axes", o.in));
  const size_t rank = in.size();
  tconv::Description d;
  d.rank = static_cast<int>(rank);
  d.batch = o.batch;
  d.in_channels = o.in_channels;
  d.out_channels = o.out_channels;
  d.groups = o.groups;
  d.layout = o.layout == "nhwc" ? tconv::Layout::nhwc : tconv::Layout::nchw;
  const std::vector<int64_t> kernel = per_axis(o.kernel, "--kernel", rank);
  const std::vector<int64_t> stride = per_axis(o.stride, "--stride", rank);
  const std::vector<int64_t> dilation = per_axis(o.dilation, "--dilation", rank);
  const std::vector<int64_t> pad = per_axis(o.pad, "--pad", rank);
  const std::vector<int64_t> pad_end = o.pad_end.empty() ? pad : per_axis(o.pad_end, "--pad-end", rank);
  const std::vector<int64_t> output_padding = per_axis(o.output_padding, "--output-padding", rank);
  for (size_t a = 0; a < rank; ++a) d.axis[a] = {in[a], kernel[a], stride[a], dilation[a], pad[a], pad_end[a], output_padding[a]};
  if (!o.output_shape.empty()) {
    const std::vector<int64_t> sizes = per_axis(o.output_shape, "--output-shape", rank);
    for (size_t a = 0; a < rank; ++a) d.output_shape[a] = sizes[a];
  }
  constexpr const char* names[] = {"notset", "same_upper", "same_lower", "valid"};
  for (int i = 0; i < 4; ++i) {
    if (CLI::detail::to_lower(o.auto_pad) == names[i]) d.auto_pad = static_cast<tconv::AutoPad>(i);
  }
  return d;
}

tconv::ConvTranspose create_layer(const tconv::Description& description, const tconv::Options& options, int64_t memory_limit) {
  tconv::Geometry geometry;
  if (tconv::Status s = tconv::resolve(description, &geometry); !s.ok()) throw Error(ExitCode::bad_input, s.message());
  if (geometry.weight_elements > memory_limit / static_cast<int64_t>(sizeof(float))) {
    throw Error(ExitCode::bad_input, fmt::format("{} weights do not fit in the memory limit of {} (--memory-limit)",
                                                 geometry.weight_elements, format_bytes(memory_limit)));
  }
  const std::vector<float> weights(static_cast<size_t>(geometry.weight_elements));
  tconv::Result<tconv::ConvTranspose> op = tconv::ConvTranspose::create(description, weights.data(), nullptr, options);
  if (!op.ok()) throw Error(ExitCode::bad_input, op.status().message());
  return std::move(*op);
}

}  // namespace tools::explain
