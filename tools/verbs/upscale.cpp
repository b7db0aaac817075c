#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/io/file.hpp"
#include "tools/io/png.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/progress.hpp"
#include "tools/support/text.hpp"
#include "tools/upscale/network.hpp"
#include "tools/upscale/upscaler.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

constexpr const char* footer =
    "Two ways: a classical filter (--filter), or a trained network (--model). The networks that come with the program were "
    "trained\n"
    "for scale 2 on rendered pictures: better than the filters on photographs and drawings that were shrunk by bicubic filtering "
    "or\n"
    "by area; hardly better on strongly compressed JPEGs. Which is right for a picture is yours to say: the default is lanczos3.\n"
    "The network enlarges luma (0.299 R + 0.587 G + 0.114 B of the stored values); colour differences follow by bicubic, alpha by\n"
    "lanczos3. Border pixels are repeated outwards. The result is the same to the last bit for every --tile and --threads.\n"
    "--model takes a path too: any ONNX model of the operators of `tconv run` that makes [1, 1, s h, s w] of [1, 1, h, w].\n"
    "The filter is one depthwise transposed convolution: stride = scale, kernel = the filter sampled at the output positions, the\n"
    "taps of each phase scaled to sum 1. Edges: the border pixels are repeated outwards before, and cropped after.\n"
    "Gamma: by default the stored numbers are filtered as they are, as most programs do. --linear-light decodes them to light\n"
    "before (by the file's gAMA chunk, else the sRGB curve) and encodes after: right for fine bright detail on dark ground,\n"
    "at the price of stronger dark halos with bicubic and lanczos3. Alpha is linear always; colours are multiplied by it before.\n"
    "8 and 16 bits, grey, RGB, with and without alpha; palettes become RGB. Colour chunks (sRGB, gAMA, cHRM, iCCP) are kept,\n"
    "other chunks are not.\n"
    "Examples:\n"
    "  tconv upscale in.png out.png --scale 3\n"
    "  tconv upscale in.png out.png --scale 2 --filter bicubic --linear-light --threads 4\n"
    "  tconv upscale photo.png large.png --model fsrcnn --threads 4";

// By default no tile size changes a bit of the picture.
tools::PlanOptions without_winograd() {
  tools::PlanOptions plan;
  plan.winograd = "off";
  return plan;
}

struct Options {
  std::string input;
  std::string output;
  int scale = 2;
  std::string filter = "lanczos3";
  std::string model;
  int64_t tile = 128;
  int64_t memory_limit_mib = 1024;
  bool linear_light = false;
  std::string target = "auto";
  tools::PlanOptions plan = without_winograd();
  int threads = 1;
  bool progress = false;
};

void print_input(const std::string& path, const tools::Picture& picture) {
  constexpr const char* kinds[] = {"", "grey", "grey + alpha", "RGB", "RGBA"};
  fmt::print("{}: {} x {}, {}, {} bits\n", path, picture.width, picture.height, kinds[picture.channels], picture.bits);
}

// What the network's layers took: the transposed convolution that enlarges, and the rest.
void print_network(const Options& options, const tools::upscale::NetworkUpscaler& upscaler) {
  const tools::graph::Program& program = upscaler.program();
  double all = 0;
  double enlarging = 0;
  for (size_t t = 0; t < program.steps().size(); ++t) {
    all += program.step_seconds()[t];
    const tconv::ConvTranspose* op = program.steps()[t]->op();
    if (op == nullptr) continue;
    for (int a = 0; a < op->description().rank; ++a) {
      if (op->description().axis[a].stride > 1) {
        enlarging += program.step_seconds()[t];
        break;
      }
    }
  }
  std::string buffers;
  for (size_t count : program.buffers()) {
    buffers += (buffers.empty() ? "" : " + ") + tools::format_bytes(static_cast<int64_t>(count * sizeof(float)));
  }
  fmt::print("network {}: {} steps, {} tile{} of {} x {} pixels with {} around, {} buffers of {}, {} in all ({})\n", options.model,
             program.steps().size(), upscaler.tiles(), upscaler.tiles() == 1 ? "" : "s", upscaler.tile_columns(),
             upscaler.tile_rows(), upscaler.margin(), program.buffers().size(), buffers,
             tools::format_bytes(upscaler.memory_bytes()), tconv::target_name(program.steps().back()->op()->plan().target));
  const double megapixels = static_cast<double>(upscaler.width() * upscaler.height()) * 1e-6;
  fmt::print("network time {}, {} a megapixel written, {:.0f} % of it in the transposed convolution that enlarges\n",
             tools::format_seconds(all), tools::format_seconds(all / megapixels), all > 0 ? 100 * enlarging / all : 0.0);
}

void upscale_by_network(const Options& options) {
  if (options.linear_light) {
    throw tools::Error(tools::ExitCode::bad_command_line,
                       "--linear-light: not with --model, the networks are trained on stored values");
  }
  tools::upscale::NetworkSettings settings;
  settings.scale = options.scale;
  settings.tile = options.tile;
  settings.memory_limit = options.memory_limit_mib << 20;
  settings.options = tools::operator_options(options.target, options.plan);
  tools::require_writable(options.output);
  const auto start = std::chrono::steady_clock::now();
  const tools::onnx::Model model = tools::upscale::load_network(options.model, options.scale);
  const tools::Picture picture = tools::read_png(options.input, settings.memory_limit);
  tools::upscale::NetworkUpscaler upscaler(options.model, model, picture, settings);
  tools::PngWriter writer(options.output, upscaler.width(), upscaler.height(), picture.channels, picture.bits, picture.colour);
  tools::ThreadPool pool(options.threads);
  {
    tools::Progress progress("upscale", upscaler.tiles(), options.progress);
    upscaler.run(
        &pool, [&](const uint16_t* samples) { writer.write_row(samples); }, [&](int64_t tiles) { progress.advance(tiles); });
  }
  writer.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  print_input(options.input, picture);
  print_network(options, upscaler);
  fmt::print("{}: {} x {}, {} with reading and writing\n", options.output, upscaler.width(), upscaler.height(),
             tools::format_seconds(seconds));
}

void upscale(const Options& options) {
  if (!options.model.empty()) return upscale_by_network(options);
  tools::upscale::Settings settings;
  settings.scale = options.scale;
  settings.linear_light = options.linear_light;
  settings.options = tools::operator_options(options.target, options.plan);
  tools::upscale::filter_from_name(options.filter, &settings.filter);  // CLI11 has checked the name
  tools::require_writable(options.output);

  const auto start = std::chrono::steady_clock::now();
  const tools::Picture picture = tools::read_png(options.input);
  const tools::upscale::Upscaler upscaler(picture, settings);
  tools::PngWriter writer(options.output, upscaler.width(), upscaler.height(), picture.channels, picture.bits, picture.colour);
  tools::ThreadPool pool(options.threads);
  {
    tools::Progress progress("upscale", picture.height, options.progress);
    upscaler.run(
        &pool, [&](const uint16_t* samples) { writer.write_row(samples); }, [&](int64_t rows) { progress.advance(rows); });
  }
  writer.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const tconv::PlanSummary& plan = upscaler.op().plan();
  print_input(options.input, picture);
  fmt::print("{} x {}, filtered in {}: one depthwise transposed convolution, kernel {} x {}, stride {} ({}, {})\n", options.filter,
             options.scale, options.linear_light ? "linear light" : "stored values", upscaler.op().description().axis[0].kernel,
             upscaler.op().description().axis[1].kernel, options.scale, tconv::target_name(plan.target),
             tconv::algorithm_name(plan.algorithm));
  fmt::print("{}: {} x {}, {} with reading and writing\n", options.output, upscaler.width(), upscaler.height(),
             tools::format_seconds(seconds));
}

}  // namespace

void register_upscale(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("upscale", "Make a PNG picture larger, by a resampling filter or a trained network");
  verb->add_option("IN", options->input, "PNG to read")->required();
  verb->add_option("OUT", options->output, "PNG to write")->required();
  verb->add_option("--scale", options->scale, "How many times larger")->check(CLI::Range(2, 8))->capture_default_str();
  CLI::Option* filter = verb->add_option("--filter", options->filter, "Resampling filter")
                            ->check(CLI::IsMember({"bilinear", "bicubic", "lanczos3"}))
                            ->capture_default_str();
  verb->add_option("--model", options->model,
                   "Trained network instead: " + tools::upscale::built_in_networks() + ", or an .onnx file")
      ->excludes(filter);
  verb->add_option("--tile", options->tile, "With --model: input pixels along each side of a tile; bounds the memory")
      ->check(CLI::Range(int64_t{8}, int64_t{1} << 20))
      ->capture_default_str();
  verb->add_option("--memory-limit", options->memory_limit_mib, "With --model: MiB that the picture and the work may take")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  verb->add_flag("--linear-light", options->linear_light, "Filter light instead of stored values");
  tools::add_target_option(verb, &options->target);
  tools::add_plan_options(verb, &options->plan);
  tools::add_threads_option(verb, &options->threads);
  tools::add_progress_option(verb, &options->progress);
  verb->footer(footer);
  verb->callback([options] { upscale(*options); });
}
