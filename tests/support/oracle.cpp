#include "support/oracle.hpp"

#include <cmath>

namespace tconv_test {

LayerSizes layer_sizes(const tconv::Description& d) {
  LayerSizes z{};
  z.batch = d.batch;
  z.in_channels = d.in_channels;
  z.out_channels = d.out_channels;
  z.groups = d.groups;
  for (int a = 0; a < 3; ++a) {
    z.input[a] = z.output[a] = z.kernel[a] = z.stride[a] = z.dilation[a] = 1;
    const int from = a - (3 - d.rank);
    if (from < 0) continue;
    const tconv::Axis& axis = d.axis[from];
    z.input[a] = axis.input;
    z.kernel[a] = axis.kernel;
    z.stride[a] = axis.stride;
    z.dilation[a] = axis.dilation;
    z.pad_begin[a] = axis.pad_begin;
    z.pad_end[a] = axis.pad_end;
    z.output_padding[a] = axis.output_padding;
    int64_t wanted = d.output_shape[from];
    if (wanted == 0 && (d.auto_pad == tconv::AutoPad::same_upper || d.auto_pad == tconv::AutoPad::same_lower)) {
      wanted = axis.stride * axis.input;
    }
    if (wanted == 0 && d.auto_pad == tconv::AutoPad::valid) z.pad_begin[a] = z.pad_end[a] = 0;
    const int64_t full = axis.stride * (axis.input - 1) + axis.dilation * (axis.kernel - 1) + 1 + axis.output_padding;
    if (wanted != 0) {
      const int64_t total = full - wanted;
      if (total < 0) {
        z.pad_begin[a] = z.pad_end[a] = 0;
        z.output_padding[a] += wanted - full;
      } else if (d.auto_pad == tconv::AutoPad::same_upper) {
        z.pad_begin[a] = total / 2;
        z.pad_end[a] = total - total / 2;
      } else {
        z.pad_begin[a] = total - total / 2;
        z.pad_end[a] = total / 2;
      }
    }
    z.output[a] = axis.stride * (axis.input - 1) + axis.dilation * (axis.kernel - 1) + 1 + z.output_padding[a] - z.pad_begin[a] -
                  z.pad_end[a];
  }
  return z;
}

Doubles scatter_oracle(const LayerSizes& z, const Doubles& x, const Doubles& w) {
  Doubles y(static_cast<size_t>(z.output_elements()), 0.0);
  const int64_t in_per_group = z.in_per_group();
  const int64_t out_per_group = z.out_per_group();
  for (int64_t n = 0; n < z.batch; ++n) {
    for (int64_t ci = 0; ci < z.in_channels; ++ci) {
      const int64_t group = ci / in_per_group;
      for (int64_t i0 = 0; i0 < z.input[0]; ++i0) {
        for (int64_t i1 = 0; i1 < z.input[1]; ++i1) {
          for (int64_t i2 = 0; i2 < z.input[2]; ++i2) {
            const double value = x[(((n * z.in_channels + ci) * z.input[0] + i0) * z.input[1] + i1) * z.input[2] + i2];
            for (int64_t c = 0; c < out_per_group; ++c) {
              const int64_t co = group * out_per_group + c;
              for (int64_t t0 = 0; t0 < z.kernel[0]; ++t0) {
                const int64_t o0 = z.stride[0] * i0 + z.dilation[0] * t0 - z.pad_begin[0];
                if (o0 < 0 || o0 >= z.output[0]) continue;
                for (int64_t t1 = 0; t1 < z.kernel[1]; ++t1) {
                  const int64_t o1 = z.stride[1] * i1 + z.dilation[1] * t1 - z.pad_begin[1];
                  if (o1 < 0 || o1 >= z.output[1]) continue;
                  for (int64_t t2 = 0; t2 < z.kernel[2]; ++t2) {
                    const int64_t o2 = z.stride[2] * i2 + z.dilation[2] * t2 - z.pad_begin[2];
                    if (o2 < 0 || o2 >= z.output[2]) continue;
                    y[(((n * z.out_channels + co) * z.output[0] + o0) * z.output[1] + o1) * z.output[2] + o2] +=
                        value * w[(((ci * out_per_group + c) * z.kernel[0] + t0) * z.kernel[1] + t1) * z.kernel[2] + t2];
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return y;
}

namespace {

// One channel image of x, stretched and padded: cell j of an axis holds x[(j - before) / s] where that is a whole index, else 0.
struct Stretched {
  int64_t size[3];
  Doubles cells;
};

Stretched stretch(const LayerSizes& z, const double* image) {
  Stretched result{};
  int64_t before[3];
  for (int a = 0; a < 3; ++a) {
    const int64_t full = z.dilation[a] * (z.kernel[a] - 1);
    before[a] = full - z.pad_begin[a];
    const int64_t after = full - z.pad_end[a] + z.output_padding[a];
    result.size[a] = z.stride[a] * (z.input[a] - 1) + 1 + before[a] + after;
  }
  result.cells.assign(static_cast<size_t>(result.size[0] * result.size[1] * result.size[2]), 0.0);
  for (int64_t i0 = 0; i0 < z.input[0]; ++i0) {
    for (int64_t i1 = 0; i1 < z.input[1]; ++i1) {
      for (int64_t i2 = 0; i2 < z.input[2]; ++i2) {
        const int64_t j0 = z.stride[0] * i0 + before[0];
        const int64_t j1 = z.stride[1] * i1 + before[1];
        const int64_t j2 = z.stride[2] * i2 + before[2];
        if (j0 < 0 || j0 >= result.size[0] || j1 < 0 || j1 >= result.size[1] || j2 < 0 || j2 >= result.size[2]) continue;
        result.cells[(j0 * result.size[1] + j1) * result.size[2] + j2] = image[(i0 * z.input[1] + i1) * z.input[2] + i2];
      }
    }
  }
  return result;
}

// y[o] += sum over t of  stretched[o + d * t] * w[k - 1 - t]:  the stride-1 convolution with the flipped kernel.
void convolve_flipped(const LayerSizes& z, const Stretched& in, const double* w, double* y) {
  for (int64_t o0 = 0; o0 < z.output[0]; ++o0) {
    for (int64_t o1 = 0; o1 < z.output[1]; ++o1) {
      for (int64_t o2 = 0; o2 < z.output[2]; ++o2) {
        double sum = 0;
        for (int64_t t0 = 0; t0 < z.kernel[0]; ++t0) {
          for (int64_t t1 = 0; t1 < z.kernel[1]; ++t1) {
            for (int64_t t2 = 0; t2 < z.kernel[2]; ++t2) {
              const int64_t j0 = o0 + z.dilation[0] * t0;
              const int64_t j1 = o1 + z.dilation[1] * t1;
              const int64_t j2 = o2 + z.dilation[2] * t2;
              const int64_t flipped =
                  ((z.kernel[0] - 1 - t0) * z.kernel[1] + z.kernel[1] - 1 - t1) * z.kernel[2] + z.kernel[2] - 1 - t2;
              sum += in.cells[(j0 * in.size[1] + j1) * in.size[2] + j2] * w[flipped];
            }
          }
        }
        y[(o0 * z.output[1] + o1) * z.output[2] + o2] += sum;
      }
    }
  }
}

}  // namespace

Doubles zero_insertion_oracle(const LayerSizes& z, const Doubles& x, const Doubles& w) {
  Doubles y(static_cast<size_t>(z.output_elements()), 0.0);
  for (int64_t n = 0; n < z.batch; ++n) {
    for (int64_t ci = 0; ci < z.in_channels; ++ci) {
      const Stretched in = stretch(z, &x[(n * z.in_channels + ci) * z.input_cells()]);
      for (int64_t c = 0; c < z.out_per_group(); ++c) {
        const int64_t co = ci / z.in_per_group() * z.out_per_group() + c;
        convolve_flipped(z, in, &w[(ci * z.out_per_group() + c) * z.taps()], &y[(n * z.out_channels + co) * z.output_cells()]);
      }
    }
  }
  return y;
}

Doubles matrix_oracle(const LayerSizes& z, const Doubles& x, const Doubles& w) {
  const int64_t rows = z.in_channels * z.input_cells();
  const int64_t columns = z.out_channels * z.output_cells();
  // Row (ci, i) of C: the forward convolution's output at i is the sum over taps of y at s * i + d * t - p, zero outside y.
  Doubles matrix(static_cast<size_t>(rows * columns), 0.0);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t ci = row / z.input_cells();
    const int64_t cell = row % z.input_cells();
    const int64_t i[3] = {cell / (z.input[1] * z.input[2]), cell / z.input[2] % z.input[1], cell % z.input[2]};
    for (int64_t c = 0; c < z.out_per_group(); ++c) {
      const int64_t co = ci / z.in_per_group() * z.out_per_group() + c;
      for (int64_t tap = 0; tap < z.taps(); ++tap) {
        const int64_t t[3] = {tap / (z.kernel[1] * z.kernel[2]), tap / z.kernel[2] % z.kernel[1], tap % z.kernel[2]};
        int64_t column = co;
        bool inside = true;
        for (int a = 0; a < 3; ++a) {
          const int64_t o = z.stride[a] * i[a] + z.dilation[a] * t[a] - z.pad_begin[a];
          inside = inside && o >= 0 && o < z.output[a];
          column = column * z.output[a] + o;
        }
        if (inside) matrix[row * columns + column] += w[(ci * z.out_per_group() + c) * z.taps() + tap];
      }
    }
  }
  Doubles y(static_cast<size_t>(z.output_elements()), 0.0);
  for (int64_t n = 0; n < z.batch; ++n) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        y[n * columns + column] += matrix[row * columns + column] * x[n * rows + row];
      }
    }
  }
  return y;
}

double activate(const tconv::Activation& f, double x, int64_t channel) {
  using Kind = tconv::ActivationKind;
  const double alpha = f.alpha;
  const double beta = f.beta;
  if (std::isnan(x)) return x;
  switch (f.kind) {
    case Kind::none:
      return x;
    case Kind::relu:
      return x > 0 ? x : 0;
    case Kind::clamp:
      return x < alpha ? alpha : (x > beta ? beta : x);
    case Kind::leaky_relu:
      return x >= 0 ? x : alpha * x;
    case Kind::prelu:
      return x >= 0 ? x : static_cast<double>(f.slopes[channel]) * x;
    case Kind::tanh:
      return std::tanh(x);
    case Kind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Kind::silu:
      return x / (1 + std::exp(-x));
    case Kind::gelu:
      return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case Kind::elu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case Kind::hard_swish:
      return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    case Kind::softplus:
      return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
  }
  return std::nan("");
}

Doubles activate_input(const tconv::Activation& activation, const Doubles& x) {
  Doubles result(x);
  for (double& value : result) value = activate(activation, value, 0);
  return result;
}

Doubles finish(const LayerSizes& z, const tconv::Activation& activation, const Doubles& sums, const Doubles& bias,
               const Doubles& residual) {
  Doubles y(sums);
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / z.output_cells() % z.out_channels;
    if (!bias.empty()) y[i] += bias[static_cast<size_t>(channel)];
    if (!residual.empty()) y[i] += residual[i];
    y[i] = activate(activation, y[i], channel);
  }
  return y;
}

}  // namespace tconv_test
