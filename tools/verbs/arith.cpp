// tconv arith: solves the numbers of a layer, explains it, draws it.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/arith/json.hpp"
#include "tools/arith/page.hpp"
#include "tools/arith/picture.hpp"
#include "tools/arith/report.hpp"
#include "tools/arith/solve.hpp"
#include "tools/arith/spelling.hpp"
#include "tools/io/file.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

using tools::Error;
using tools::ExitCode;
using tools::arith::AxisQuery;
using tools::arith::Layer;

struct Arguments {
  std::string input, kernel, stride, dilation, padding, pads, output_padding, output, fit;
  std::string auto_pad = "notset";
  int rank = 0;
  int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
  bool convolution = false, json = false;
  std::string svg, html;
  int64_t at = -1, limit = 20;
  int axis = 0;
};

constexpr const char* footer = R"(examples:
  tconv arith --input 8 --kernel 4 --stride 2 --padding 1          everything about this layer
  tconv arith --input 80,64 --kernel 3,2 --stride 2 --rank 2       two axes; one number stands for all axes
  tconv arith --input 8 --output 16                                the layers that double 8 to 16
  tconv arith --input 8 --output 16 --fit 2                        the second of them in full
  tconv arith --kernel 3 --stride 2 --padding 1 --output 6         which input, which output padding?
  tconv arith --convolution --input 6 --kernel 3 --stride 2 --padding 1     the layer that runs this convolution backwards
  tconv arith --input 3 --kernel 3 --stride 2 --html page.html     an interactive page; --svg FILE draws a static picture
Names are those of ONNX ConvTranspose and of "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285).)";

// One number for each axis from "4", "3,4" or "3x4"; empty text: none.
std::vector<int64_t> numbers(const std::string& text, const char* option, int rank) {
  if (text.empty()) return {};
  std::vector<int64_t> values = tools::parse_integers(text, option);
  if (values.size() == 1) values.resize(static_cast<size_t>(rank), values[0]);
  if (values.size() != static_cast<size_t>(rank)) {
    throw Error(ExitCode::bad_command_line, fmt::format("{} has {} numbers for {} axes", option, values.size(), rank));
  }
  return values;
}

// The longest list decides; --rank when there are only single numbers.
int rank_of(const Arguments& args) {
  size_t rank = 1;
  for (const auto& [text, option] : {std::pair(&args.input, "--input"),
                                     {&args.kernel, "--kernel"},
                                     {&args.stride, "--stride"},
                                     {&args.dilation, "--dilation"},
                                     {&args.padding, "--padding"},
                                     {&args.output_padding, "--output-padding"},
                                     {&args.output, "--output"},
                                     {&args.fit, "--fit"}}) {
    if (!text->empty()) rank = std::max(rank, tools::parse_integers(*text, option).size());
  }
  if (!args.pads.empty()) {
    const size_t pads = tools::parse_integers(args.pads, "--pads").size();
    if (pads % 2 != 0)
      throw Error(ExitCode::bad_command_line, fmt::format("--pads has {} numbers: a begin and an end for each axis", pads));
    rank = std::max(rank, pads / 2);
  }
  if (args.rank != 0) {
    if (rank != 1 && rank != static_cast<size_t>(args.rank)) {
      throw Error(ExitCode::bad_command_line, fmt::format("--rank = {}: other options have numbers for {} axes", args.rank, rank));
    }
    rank = static_cast<size_t>(args.rank);
  }
  if (rank > tconv::max_rank) throw Error(ExitCode::bad_input, fmt::format("{} axes: there may be 1 to {}", rank, tconv::max_rank));
  return static_cast<int>(rank);
}

tconv::AutoPad auto_pad_of(const std::string& name) {
  if (name == "same_upper") return tconv::AutoPad::same_upper;
  if (name == "same_lower") return tconv::AutoPad::same_lower;
  return name == "valid" ? tconv::AutoPad::valid : tconv::AutoPad::notset;
}

std::vector<AxisQuery> queries_of(const Arguments& args, int rank) {
  if (args.auto_pad != "notset" && !(args.padding.empty() && args.pads.empty())) {
    throw Error(ExitCode::bad_command_line, "--auto-pad chooses the padding: give no --padding or --pads");
  }
  if (!args.padding.empty() && !args.pads.empty())
    throw Error(ExitCode::bad_command_line, "--padding and --pads: give one of them");
  std::vector<AxisQuery> queries(static_cast<size_t>(rank));
  const auto fill = [&](const std::string& text, const char* option, std::optional<int64_t> AxisQuery::*field) {
    const std::vector<int64_t> values = numbers(text, option, rank);
    for (size_t a = 0; a < values.size(); ++a) queries[a].*field = values[a];
  };
  fill(args.input, "--input", &AxisQuery::input);
  fill(args.kernel, "--kernel", &AxisQuery::kernel);
  fill(args.stride, "--stride", &AxisQuery::stride);
  fill(args.dilation, "--dilation", &AxisQuery::dilation);
  fill(args.padding, "--padding", &AxisQuery::pad_begin);
  fill(args.padding, "--padding", &AxisQuery::pad_end);
  fill(args.output_padding, "--output-padding", &AxisQuery::output_padding);
  fill(args.output, "--output", &AxisQuery::output);
  if (!args.pads.empty()) {
    std::vector<int64_t> pads = tools::parse_integers(args.pads, "--pads");
    if (pads.size() != 2 * queries.size()) {
      throw Error(ExitCode::bad_command_line,
                  fmt::format("--pads has {} numbers for {} axes: first all begins, then all ends", pads.size(), rank));
    }
    for (size_t a = 0; a < queries.size(); ++a) {
      queries[a].pad_begin = pads[a];
      queries[a].pad_end = pads[a + queries.size()];
    }
  }
  for (AxisQuery& q : queries) q.auto_pad = auto_pad_of(args.auto_pad);
  return queries;
}

void require(const tconv::Status& status, const std::string& name) {
  if (!status.ok()) throw Error(ExitCode::bad_input, name + status.message());
}

// The numbers are those of an ordinary convolution: its transpose, which comes back to the input size unless --output-padding says
// otherwise.
tconv::Axis partner_of(const AxisQuery& q, const std::string& name, std::vector<tconv::ConvolutionAxis>* convolutions) {
  if (!q.kernel) throw Error(ExitCode::bad_input, name + "kernel is not given");
  tconv::ConvolutionAxis c{q.input.value_or(1),  *q.kernel, q.stride.value_or(1), q.dilation.value_or(1), q.pad_begin.value_or(0),
                           q.pad_end.value_or(0)};
  if (!q.input) {
    if (!q.output) throw Error(ExitCode::bad_input, name + "input is not given: give it, or the output of the convolution");
    const tconv::Result<tconv::SizeRange> inputs = tconv::convolution_inputs_for(c, *q.output);
    require(inputs.status(), name);
    // Any of them; an output padding chooses, as it does in the layer.
    c.input = std::min(inputs->last, inputs->first + q.output_padding.value_or(0));
  }
  require(tconv::pad_convolution(q.auto_pad, &c), name);
  const tconv::Result<tconv::Axis> partner = tconv::transposed_partner(c);
  require(partner.status(), name);
  if (q.output && *q.output != partner->input) {
    const tconv::Result<tconv::SizeRange> inputs = tconv::convolution_inputs_for(c, *q.output);
    throw Error(ExitCode::bad_input,
                fmt::format("{}output = {}: input = {} gives floor((i + p_begin + p_end - d (k - 1) - 1) / s) + 1 = {}{}", name,
                            *q.output, c.input, partner->input,
                            inputs.ok() ? fmt::format("; input = {} to {} would fit", inputs->first, inputs->last) : ""));
  }
  tconv::Axis axis = *partner;
  if (q.output_padding) axis.output_padding = *q.output_padding;
  int64_t size = 0;
  require(tconv::output_size(axis, name.c_str(), &size), "");
  convolutions->push_back(c);
  return axis;
}

nlohmann::ordered_json fits_json(const std::vector<std::vector<tconv::Axis>>& fits, int64_t limit) {
  nlohmann::ordered_json json;
  json["rank"] = fits.size();
  for (const auto& of_axis : fits) {
    json["fits_total"].push_back(of_axis.size());
    nlohmann::ordered_json listed = nlohmann::ordered_json::array();
    for (size_t n = 0; n < std::min(of_axis.size(), static_cast<size_t>(limit)); ++n)
      listed.push_back(tools::arith::to_json(of_axis[n]));
    json["fits"].push_back(listed);
  }
  return json;
}

void check_channels(const Arguments& args) {
  for (const auto& [name, value] : {std::pair("batch", args.batch),
                                    {"in-channels", args.in_channels},
                                    {"out-channels", args.out_channels},
                                    {"groups", args.groups}}) {
    constexpr int64_t limit = int64_t{1} << 20;  // products of three of them fit
    if (value < 1 || value > limit) throw Error(ExitCode::bad_input, fmt::format("{} = {}: must be 1 to {}", name, value, limit));
  }
  if (args.in_channels % args.groups != 0 || args.out_channels % args.groups != 0) {
    throw Error(ExitCode::bad_input, fmt::format("groups = {}: must divide in-channels = {} and out-channels = {}", args.groups,
                                                 args.in_channels, args.out_channels));
  }
}

void write_file(const std::string& path, const std::string& text) {
  tools::OutputFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

void draw(const Arguments& args, const Layer& layer) {
  if (args.svg.empty() && args.html.empty()) return;
  if (args.axis < 0 || args.axis >= layer.rank()) {
    throw Error(ExitCode::bad_command_line, fmt::format("--axis = {}: there are axes 0 to {}", args.axis, layer.rank() - 1));
  }
  const tconv::Axis& axis = layer.axes[static_cast<size_t>(args.axis)];
  const int64_t at = args.at >= 0 ? args.at : tools::arith::output_of(axis) / 2;
  tools::arith::require_drawable(axis, at);
  if (!args.svg.empty()) write_file(args.svg, tools::arith::to_svg(axis, at));
  if (!args.html.empty()) write_file(args.html, tools::arith::to_html(axis, at));
}

void run(const Arguments& args) {
  const int rank = rank_of(args);
  check_channels(args);
  if (args.limit < 1) throw Error(ExitCode::bad_command_line, fmt::format("--limit = {}: must be at least 1", args.limit));
  for (const std::string* path : {&args.svg, &args.html}) {
    if (!path->empty()) tools::require_writable(*path);
  }
  const std::vector<AxisQuery> queries = queries_of(args, rank);
  Layer layer;
  layer.batch = args.batch;
  layer.in_channels = args.in_channels;
  layer.out_channels = args.out_channels;
  layer.groups = args.groups;
  std::vector<std::vector<tconv::Axis>> fits;
  bool unique = true;
  for (int a = 0; a < rank; ++a) {
    const std::string name = rank > 1 ? fmt::format("axis[{}].", a) : "";
    const AxisQuery& q = queries[static_cast<size_t>(a)];
    fits.push_back(args.convolution ? std::vector{partner_of(q, name, &layer.convolution)} : tools::arith::solve(q, name));
    unique = unique && fits.back().size() == 1;
  }
  const std::vector<int64_t> chosen = numbers(args.fit, "--fit", rank);
  if (!unique && chosen.empty()) {
    if (!args.svg.empty() || !args.html.empty()) {
      throw Error(ExitCode::bad_input, fmt::format("{} layers fit: choose one to draw with --fit N", fits[0].size()));
    }
    if (args.json) {
      std::printf("%s\n", fits_json(fits, args.limit).dump(2).c_str());
      return;
    }
    for (int a = 0; a < rank; ++a) {
      std::fputs(
          tools::arith::fits_text(fits[static_cast<size_t>(a)], rank > 1 ? fmt::format("axis {}: ", a) : "", args.limit).c_str(),
          stdout);
    }
    std::puts("Give more numbers, or --fit N for one of them in full.");
    return;
  }
  for (size_t a = 0; a < fits.size(); ++a) {
    const int64_t n = chosen.empty() ? 1 : chosen[a];
    if (n < 1 || n > static_cast<int64_t>(fits[a].size())) {
      throw Error(ExitCode::bad_input, fmt::format("--fit = {}: there are fits 1 to {}", n, fits[a].size()));
    }
    layer.axes.push_back(fits[a][static_cast<size_t>(n) - 1]);
  }
  draw(args, layer);
  if (args.json) {
    nlohmann::ordered_json json = tools::arith::to_json(layer);
    for (const tools::arith::Spelling& s : tools::arith::spell(layer)) {
      json["spellings"][s.framework] = {{"weights", s.weights}, {"code", s.code}, {"note", s.note}};
    }
    std::printf("%s\n", json.dump(2).c_str());
  } else {
    std::fputs(tools::arith::to_text(layer).c_str(), stdout);
  }
}

}  // namespace

void register_arith(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("arith", "Convolution arithmetic: solve a layer's numbers, explain it, draw it");
  auto args = std::make_shared<Arguments>();
  verb->add_option("-i,--input,--in", args->input, "Input size: one number, or one per axis (8,8 or 8x8)");
  verb->add_option("-k,--kernel", args->kernel, "Kernel size");
  verb->add_option("-s,--stride", args->stride, "Stride (1, or searched for when --output is given)");
  verb->add_option("-d,--dilation", args->dilation, "Dilation (1)");
  verb->add_option("-p,--padding,--pad", args->padding, "Padding, the same at both ends (0, or searched for)");
  verb->add_option("--pads", args->pads, "Padding in ONNX's order: all begins, then all ends");
  verb->add_option("-a,--output-padding", args->output_padding, "Output padding (0, or searched for)");
  verb->add_option("-o,--output,--out", args->output, "Output size: what is missing is searched for");
  verb->add_option("--auto-pad", args->auto_pad, "ONNX's auto_pad")
      ->check(CLI::IsMember({"notset", "same_upper", "same_lower", "valid"}));
  verb->add_option("--rank", args->rank, "Number of axes, when one number stands for all")->check(CLI::Range(1, 3));
  verb->add_flag("--convolution", args->convolution,
                 "The numbers are an ordinary convolution's: show the layer that runs it backwards");
  verb->add_option("--batch", args->batch, "Images (1)");
  verb->add_option("--in-channels", args->in_channels, "Input channels (1)");
  verb->add_option("--out-channels", args->out_channels, "Output channels (1)");
  verb->add_option("--groups", args->groups, "Groups (1)");
  verb->add_option("--fit", args->fit, "Which of several fitting layers to explain");
  verb->add_option("--limit", args->limit, "How many fitting layers to list (20)");
  verb->add_flag("--json", args->json, "For programs");
  verb->add_option("--svg", args->svg, "Draw the layer into this file");
  verb->add_option("--html", args->html, "Write an interactive page into this file; needs no network");
  verb->add_option("--at", args->at, "The output that the picture highlights, or the page starts at (the middle one)")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--axis", args->axis, "Which axis to draw (0)");
  verb->footer(footer);
  verb->callback([args] { run(*args); });
}
