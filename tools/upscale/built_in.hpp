// The networks of examples/upscaler, built into the program as the bytes of their ONNX files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tools::upscale {

struct EmbeddedFile {
  const char* name;  // the file's name without its ending: "fsrcnn_x2", "fsrcnn_x2_small"
  const uint8_t* bytes;
  size_t size;
};

// Written by embed_networks.cmake.
extern const EmbeddedFile* const embedded_networks;
extern const size_t embedded_network_count;

}  // namespace tools::upscale
