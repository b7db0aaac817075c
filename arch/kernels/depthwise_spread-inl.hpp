// depthwise_spread: the channels of pixels in the order of the outputs that are made of them, each as often as there are such.
//
// The inputs of a vector of outputs lie near each other: a load of them, or two, and a permutation put them into their places.

namespace tconv::arch {
namespace HWY_NAMESPACE {
namespace {

// Where `count` lanes of a vector find their inputs among those of one load.
struct SpreadLanes {
  size_t at = 0;     // of the load in a pixel
  size_t count = 0;  // how many of the lanes it serves, from the first of them on
  HWY_ALIGN int32_t lane[kLanes] = {};

  // The lanes from `first` on, of `lanes`.
  SpreadLanes(const int32_t* index, size_t first, size_t lanes, size_t from_channels) {
    at = static_cast<size_t>(index[first]);
    if (from_channels <= kLanes) {
      at = 0;
    } else if (at > from_channels - kLanes) {
      at = from_channels - kLanes;
    }
    size_t i = first;
    for (; i < lanes && static_cast<size_t>(index[i]) < at + kLanes; ++i) {
      lane[i] = static_cast<int32_t>(static_cast<size_t>(index[i]) - at);
    }
    count = i - first;
  }
};

// kLoads loads a pixel, kWhole: of whole vectors.
template <size_t kLoads, bool kWhole>
HWY_NOINLINE void SpreadVector(const DepthwiseSpread& s, const SpreadLanes& low, const SpreadLanes& high, float* to) {
  const D d;
  const auto low_lanes = hn::SetTableIndices(d, low.lane);
  const auto high_lanes = hn::SetTableIndices(d, high.lane);
  const auto of_low = hn::FirstN(d, low.count);
  const float* from = s.from;
  for (size_t p = 0; p < s.pixels; ++p, from += s.pixel, to += s.to_pixel) {
    const V a = kWhole ? hn::LoadU(d, from + low.at) : LoadFirst(from, s.from_channels);
    V v = hn::TableLookupLanes(a, low_lanes);
    if (kLoads == 2) v = hn::IfThenElse(of_low, v, hn::TableLookupLanes(hn::LoadU(d, from + high.at), high_lanes));
    hn::StoreU(v, d, to);
  }
}

void DepthwiseSpreadPixels(const DepthwiseSpread& s) {
  for (size_t c = 0; c < s.channels; c += kLanes) {
    const int32_t* const index = s.index + c;
    const size_t lanes = HWY_MIN(kLanes, s.channels - c);
    const SpreadLanes low(index, 0, lanes, s.from_channels);
    if (low.count == lanes) {
      const auto spread = s.from_channels >= kLanes ? SpreadVector<1, true> : SpreadVector<1, false>;
      spread(s, low, low, s.to + c);
      continue;
    }
    const SpreadLanes high(index, low.count, lanes, s.from_channels);
    if (low.count + high.count == lanes) {
      SpreadVector<2, true>(s, low, high, s.to + c);
      continue;
    }
    const float* from = s.from;
    float* to = s.to + c;
    for (size_t p = 0; p < s.pixels; ++p, from += s.pixel, to += s.to_pixel) {
      for (size_t i = 0; i < lanes; ++i) to[i] = from[index[i]];
      for (size_t i = lanes; i < kLanes; ++i) to[i] = 0;
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tconv::arch
