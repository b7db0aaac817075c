#include "tconv/conv_transpose.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace tconv {

struct ConvTranspose::State {
  Description d;
  Geometry g;
  PlanSummary plan;
  float* weights = nullptr;
  float* bias = nullptr;
};
namespace { constexpr const char* algorithm_names[] = {"auto", "window_gemm", "planar", "depthwise", "generic"}; }
const char* algorithm_name(Algorithm a) { return algorithm_names[static_cast<int>(a)]; }
bool algorithm_from_name(const char* name, Algorithm* a) {
  for (int i = 0; i < 5; ++i) if (!std::strcmp(name, algorithm_names[i])) { *a = static_cast<Algorithm>(i); return true; }
  return false;
}
ConvTranspose::ConvTranspose(ConvTranspose&& o) noexcept : state_(o.state_) { o.state_ = nullptr; }
ConvTranspose& ConvTranspose::operator=(ConvTranspose&& o) noexcept { std::swap(state_, o.state_); return *this; }
ConvTranspose::~ConvTranspose() { if (state_) { std::free(state_->weights); std::free(state_->bias); std::free(state_); } }
Result<ConvTranspose> ConvTranspose::create(const Description& d, const float* w, const float* bias, const Options& options) {
  Geometry g;
  if (Status s = resolve(d, &g); !s.ok()) return s;
  if (!w) return Status::error(StatusCode::invalid_argument, "weights = nullptr");
  ConvTranspose op;
  op.state_ = new (std::malloc(sizeof(State))) State{};
  if (Status s = choose_target(options.target, &op.state_->plan.target); !s.ok()) return s;
  op.state_->plan.algorithm = Algorithm::generic;
  op.state_->d = d; op.state_->g = g;
  op.state_->weights = static_cast<float*>(std::malloc(size_t(g.weight_elements) * 4));
  op.state_->bias = static_cast<float*>(std::calloc(size_t(d.out_channels), 4));
  std::memcpy(op.state_->weights, w, size_t(g.weight_elements) * 4);
  if (bias) std::memcpy(op.state_->bias, bias, size_t(d.out_channels) * 4);
  return op;
}
Status ConvTranspose::reshape(const Description& d) { Geometry g; if (Status s = resolve(d, &g); !s.ok()) return s; state_->d = d; state_->g = g; return {}; }
size_t ConvTranspose::workspace_bytes(size_t) const { return 0; }
Status ConvTranspose::run(const float* x, float* y, void*, size_t, const Parallelism&, const float* residual) const {
  const Description& d = state_->d; const Geometry& g = state_->g;
  const int64_t cig = d.in_channels / d.groups, cog = d.out_channels / d.groups;
  for (int64_t n = 0; n < d.batch; ++n) for (int64_t co = 0; co < d.out_channels; ++co)
  for (int64_t oz = 0; oz < g.output[0]; ++oz) for (int64_t oy = 0; oy < g.output[1]; ++oy) for (int64_t ox = 0; ox < g.output[2]; ++ox) {
    float acc = state_->bias[co];
    const int64_t o[3] = {oz, oy, ox};
    for (int64_t t = 0; t < g.taps; ++t) {
      int64_t tt[3] = {t / (g.axis[1].kernel * g.axis[2].kernel), t / g.axis[2].kernel % g.axis[1].kernel, t % g.axis[2].kernel}, in[3];
      bool hit = true;
      for (int a = 0; a < 3; ++a) {
        int64_t v = o[a] + g.axis[a].pad_begin - tt[a] * g.axis[a].dilation;
        hit = hit && v >= 0 && v % g.axis[a].stride == 0 && v / g.axis[a].stride < g.axis[a].input;
        in[a] = v / g.axis[a].stride;
      }
      if (!hit) continue;
      for (int64_t ci = 0; ci < cig; ++ci) {
        const int64_t c = co / cog * cig + ci;
        acc += x[n * g.input_pitch.batch + c * g.input_pitch.channel + in[0] * g.input_pitch.plane + in[1] * g.input_pitch.row + in[2] * g.input_pitch.pixel] *
               state_->weights[(c * cog + co % cog) * g.taps + t];
      }
    }
    if (residual) acc += residual[n * g.residual_pitch.batch + co * g.residual_pitch.channel + oz * g.residual_pitch.plane + oy * g.residual_pitch.row + ox * g.residual_pitch.pixel];
    if (d.activation.kind == ActivationKind::relu && acc < 0) acc = 0;
    y[n * g.output_pitch.batch + co * g.output_pitch.channel + oz * g.output_pitch.plane + oy * g.output_pitch.row + ox * g.output_pitch.pixel] = acc;
  }
  return {};
}
const Description& ConvTranspose::description() const { return state_->d; }
const Geometry& ConvTranspose::geometry() const { return state_->g; }
const PlanSummary& ConvTranspose::plan() const { return state_->plan; }
size_t ConvTranspose::packed_bytes() const { return size_t(state_->g.weight_elements) * 4; }

}  // namespace tconv
