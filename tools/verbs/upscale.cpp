#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/io/file.hpp"
#include "tools/io/png.hpp"
#include "tools/support/options.hpp"
#include "tools/support/progress.hpp"
#include "tools/support/text.hpp"
#include "tools/upscale/upscaler.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

constexpr const char* footer =
    "The filter is one depthwise transposed convolution: stride = scale, kernel = the filter sampled at the output positions, the\n"
    "taps of each phase scaled to sum 1. Edges: the border pixels are repeated outwards before, and cropped after.\n"
    "Gamma: by default the stored numbers are filtered as they are, as most programs do. --linear-light decodes them to light\n"
    "before (by the file's gAMA chunk, else the sRGB curve) and encodes after: right for fine bright detail on dark ground,\n"
    "at the price of stronger dark halos with bicubic and lanczos3. Alpha is linear always; colours are multiplied by it before.\n"
    "8 and 16 bits, grey, RGB, with and without alpha; palettes become RGB. Colour chunks (sRGB, gAMA, cHRM, iCCP) are kept,\n"
    "other chunks are not.\n"
    "Examples:\n"
    "  tconv upscale in.png out.png --scale 3\n"
    "  tconv upscale in.png out.png --scale 2 --filter bicubic --linear-light --threads 4";

struct Options {
  std::string input;
  std::string output;
  int scale = 2;
  std::string filter = "lanczos3";
  bool linear_light = false;
  std::string target = "auto";
  std::string algorithm = "auto";
  int threads = 1;
  bool progress = false;
};

void upscale(const Options& options) {
  tools::upscale::Settings settings;
  settings.scale = options.scale;
  settings.linear_light = options.linear_light;
  settings.options = tools::operator_options(options.target, options.algorithm);
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

  constexpr const char* kinds[] = {"", "grey", "grey + alpha", "RGB", "RGBA"};
  const tconv::PlanSummary& plan = upscaler.op().plan();
  fmt::print("{}: {} x {}, {}, {} bits\n", options.input, picture.width, picture.height, kinds[picture.channels], picture.bits);
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
  CLI::App* verb = app.add_subcommand("upscale", "Make a PNG picture larger by a classical resampling filter");
  verb->add_option("IN", options->input, "PNG to read")->required();
  verb->add_option("OUT", options->output, "PNG to write")->required();
  verb->add_option("--scale", options->scale, "How many times larger")->check(CLI::Range(2, 8))->capture_default_str();
  verb->add_option("--filter", options->filter, "Resampling filter")
      ->check(CLI::IsMember({"bilinear", "bicubic", "lanczos3"}))
      ->capture_default_str();
  verb->add_flag("--linear-light", options->linear_light, "Filter light instead of stored values");
  tools::add_target_option(verb, &options->target);
  tools::add_algorithm_option(verb, &options->algorithm);
  tools::add_threads_option(verb, &options->threads);
  tools::add_progress_option(verb, &options->progress);
  verb->footer(footer);
  verb->callback([options] { upscale(*options); });
}
