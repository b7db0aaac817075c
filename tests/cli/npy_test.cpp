// .npy files against bytes put together here by NumPy's format description.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "support/model_file.hpp"
#include "support/scratch.hpp"
#include "tools/io/npy.hpp"
#include "tools/support/error.hpp"

namespace tconv_test {
namespace {

const std::vector<float> some = {0.5f, -1.25f, 3.0f, 1e30f, -0.0f, 7.0f};

TEST(Npy, ReadsWhatNumpyWrites) {
  const Scratch scratch;
  for (int version : {1, 2, 3}) {
    const tools::Tensor t = tools::read_npy(scratch.file("x.npy", npy_bytes({2, 3}, "<f4", raw(some), false, version)));
    EXPECT_EQ(t.shape, (Dims{2, 3})) << "version " << version;
    EXPECT_EQ(t.data, some);
  }
}

TEST(Npy, ReadsScalarsAndEmptyTensors) {
  const Scratch scratch;
  const tools::Tensor scalar = tools::read_npy(scratch.file("s.npy", npy_bytes({}, "<f4", raw({2.5f}))));
  EXPECT_TRUE(scalar.shape.empty());
  EXPECT_EQ(scalar.data, std::vector<float>{2.5f});
  const tools::Tensor empty = tools::read_npy(scratch.file("e.npy", npy_bytes({3, 0}, "<f4", "")));
  EXPECT_EQ(empty.shape, (Dims{3, 0}));
  EXPECT_TRUE(empty.data.empty());
}

TEST(Npy, ReadsDoubles) {
  const Scratch scratch;
  const double values[] = {0.1, -2.0, 1e-50};
  const std::string bytes(reinterpret_cast<const char*>(values), sizeof values);
  const tools::Tensor t = tools::read_npy(scratch.file("x.npy", npy_bytes({3}, "<f8", bytes)));
  EXPECT_EQ(t.data, (std::vector<float>{0.1f, -2.0f, 0.0f}));
}

TEST(Npy, ReadsHalves) {
  const Scratch scratch;
  // 1, -2, largest 65504, smallest subnormal 2^-24, infinity, 1/3 rounded (0x3555).
  const uint16_t values[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x3555};
  const std::string bytes(reinterpret_cast<const char*>(values), sizeof values);
  const tools::Tensor t = tools::read_npy(scratch.file("x.npy", npy_bytes({6}, "<f2", bytes)));
  EXPECT_EQ(t.data, (std::vector<float>{1, -2, 65504, 0x1p-24f, std::numeric_limits<float>::infinity(), 1365.0f / 4096}));
}

TEST(Npy, ReadsBigEndian) {
  const Scratch scratch;
  const tools::Tensor t = tools::read_npy(scratch.file("x.npy", npy_bytes({2}, ">f4", std::string("\x3f\x80\0\0\xc0\x20\0\0", 8))));
  EXPECT_EQ(t.data, (std::vector<float>{1.0f, -2.5f}));
}

TEST(Npy, ReadsFortranOrder) {
  const Scratch scratch;
  // Element [i, j, k] of a 2 x 3 x 2 array has value 100 i + 10 j + k; the first index runs fastest in the file.
  std::vector<float> file;
  std::vector<float> expected;
  for (int k = 0; k < 2; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) file.push_back(static_cast<float>(100 * i + 10 * j + k));
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 2; ++k) expected.push_back(static_cast<float>(100 * i + 10 * j + k));
    }
  }
  const tools::Tensor t = tools::read_npy(scratch.file("x.npy", npy_bytes({2, 3, 2}, "<f4", raw(file), true)));
  EXPECT_EQ(t.data, expected);
}

TEST(Npy, WritesWhatItReads) {
  const Scratch scratch;
  for (const Dims& shape : {Dims{6}, Dims{2, 3}, Dims{1, 1, 6, 1}, Dims{}}) {
    tools::Tensor t;
    t.shape = shape;
    t.data.assign(some.begin(), some.begin() + count(shape));
    tools::write_npy(scratch.path("y.npy"), t);
    const std::string bytes = read_text(scratch.path("y.npy"));
    const auto header = static_cast<size_t>(static_cast<uint8_t>(bytes[8]) | static_cast<uint8_t>(bytes[9]) << 8);
    EXPECT_EQ((10 + header) % 64, 0u);  // what NumPy promises to those who map the file
    EXPECT_EQ(bytes[10 + header - 1], '\n');
    EXPECT_EQ(floats_at(bytes, 10 + header), t.data);
    const tools::Tensor back = tools::read_npy(scratch.path("y.npy"));
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.data, t.data);
    EXPECT_EQ(scratch.names(), Names{"y.npy"}) << "a temporary file was left behind";
  }
}

struct Broken {
  const char* what;
  std::string bytes;
  const char* message;
};

TEST(Npy, RefusesBrokenFiles) {
  const std::string good = npy_bytes({2, 3}, "<f4", raw(some));
  const Broken files[] = {
      {"empty", "", "not a .npy file"},
      {"other magic", "\x89PNG\r\n\x1a\n..........", "not a .npy file"},
      {"cut in the header", good.substr(0, 30), "truncated in the header"},
      {"cut in the data", good.substr(0, good.size() - 1), "needs 24 bytes of data, the file has 23"},
      {"too long", good + "x", "needs 24 bytes of data, the file has 25"},
      {"version 9", npy_bytes({1}, "<f4", raw({1}), false, 9), "format version 9"},
      {"integers", npy_bytes({1}, "<i4", "1234"), "descr = '<i4'"},
      {"complex", npy_bytes({1}, "<c8", "12345678"), "descr = '<c8'"},
      {"objects", npy_bytes({1}, "|O", "12345678"), "descr = '|O'"},
      {"a shape whose size overflows", npy_bytes({1LL << 40, 1LL << 40}, "<f4", ""), "does not fit in 63 bits"},
      {"a size of 65 bits", npy_bytes({1}, "<f4", "1234").replace(61, 1, "99999999999999999999"), "63 bits"},
      {"a GiB in a few bytes", npy_bytes({1 << 28}, "<f4", "1234"), "needs 1073741824 bytes of data, the file has 4"},
      {"no shape", std::string("\x93NUMPY\1\0\x10\0{'descr': '<f4'}", 26), "lacks 'fortran_order'"},
      {"no dictionary", std::string("\x93NUMPY\1\0\x04\0nope", 14), "malformed header"},
  };
  for (const Broken& broken : files) {
    const Scratch scratch;
    try {
      tools::read_npy(scratch.file("x.npy", broken.bytes));
      ADD_FAILURE() << broken.what << " was accepted";
    } catch (const tools::Error& e) {
      EXPECT_EQ(e.code(), tools::ExitCode::bad_input) << broken.what;
      EXPECT_NE(std::string(e.what()).find(broken.message), std::string::npos) << broken.what << ": " << e.what();
      EXPECT_NE(std::string(e.what()).find("x.npy"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace tconv_test
