#include "tools/io/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "tools/io/file.hpp"
#include "tools/support/error.hpp"
#include "tools/support/text.hpp"

namespace tools {
namespace {

constexpr char magic[] = "\x93NUMPY";
constexpr size_t magic_size = 6;

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// The header is a Python dictionary with exactly three keys, written by NumPy in one fixed way: a small scanner of that subset.
class HeaderParser {
 public:
  HeaderParser(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  Header parse() {
    Header header;
    bool seen[3] = {};
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[') fail("descr: structured types are not supported");
        header.descr = string();
        seen[0] = true;
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
        seen[1] = true;
      } else if (key == "shape") {
        header.shape = tuple();
        seen[2] = true;
      } else {
        fail(fmt::format("unknown header field '{}'", key));
      }
      if (!accept(',') && peek() != '}') fail("malformed header");
    }
    for (int i = 0; i < 3; ++i) {
      constexpr const char* names[] = {"descr", "fortran_order", "shape"};
      if (!seen[i]) fail(fmt::format("the header lacks '{}'", names[i]));
    }
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Error(ExitCode::bad_input, fmt::format("{}: {}", path_, why)); }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("malformed header: no '{}' at byte {}", c, at_));
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail(fmt::format("malformed header: no string at byte {}", at_));
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("malformed header: a string does not end");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("fortran_order: must be True or False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      if (!std::isdigit(static_cast<unsigned char>(peek()))) fail("shape: must be a tuple of sizes");
      int64_t value = 0;
      for (; std::isdigit(static_cast<unsigned char>(peek())); ++at_) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text_[at_] - '0', &value)) {
          fail("shape: a size does not fit in 63 bits");
        }
      }
      values.push_back(value);
      if (!accept(',') && peek() != ')') fail("shape: must be a tuple of sizes");
    }
    return values;
  }

  const std::string& path_;
  std::string_view text_;
  size_t at_ = 0;
};

// "<f4" and the like. Sets `swap` for big-endian data.
ElementType element_type(const std::string& path, const std::string& descr, bool* swap) {
  if (descr.size() == 3 && (descr[0] == '<' || descr[0] == '>' || descr[0] == '=') && descr[1] == 'f') {
    *swap = descr[0] == '>';
    if (descr[2] == '2') return ElementType::f16;
    if (descr[2] == '4') return ElementType::f32;
    if (descr[2] == '8') return ElementType::f64;
  }
  throw Error(ExitCode::bad_input, fmt::format("{}: descr = '{}': must be float32, float64 or float16", path, descr));
}

// Elements in Fortran order (first index fastest) brought into C order.
std::vector<float> to_c_order(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  std::vector<float> ordered(values.size());
  std::vector<int64_t> index(shape.size(), 0);
  for (float& target : ordered) {
    int64_t from = 0;
    for (size_t a = shape.size(); a-- > 0;) from = from * shape[a] + index[a];
    target = values[static_cast<size_t>(from)];
    for (size_t a = shape.size(); a-- > 0;) {
      if (++index[a] < shape[a]) break;
      index[a] = 0;
    }
  }
  return ordered;
}

}  // namespace

Tensor read_npy(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, size_t{1} << 40);
  const auto fail = [&](const std::string& why) { throw Error(ExitCode::bad_input, fmt::format("{}: {}", path, why)); };
  if (bytes.size() < magic_size + 4 || std::memcmp(bytes.data(), magic, magic_size) != 0) fail("not a .npy file");
  const int version = bytes[magic_size];
  if (version < 1 || version > 3) fail(fmt::format("format version {}: must be 1, 2 or 3", version));
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t header_begin = magic_size + 2 + length_bytes;
  if (bytes.size() < header_begin) fail("truncated in the header");
  size_t header_size = 0;
  for (size_t i = length_bytes; i-- > 0;) header_size = header_size << 8 | bytes[magic_size + 2 + i];
  if (header_size > bytes.size() - header_begin) fail("truncated in the header");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + header_begin, header_size);
  const Header header = HeaderParser(path, text).parse();

  bool swap = false;
  const ElementType type = element_type(path, header.descr, &swap);
  const std::optional<int64_t> count = element_count(header.shape);
  if (!count) fail(fmt::format("shape = {}: its size does not fit in 63 bits", format_shape(header.shape)));
  const size_t present = bytes.size() - header_begin - header_size;
  const auto wanted = static_cast<size_t>(*count) * element_bytes(type);
  if (present != wanted) {
    fail(fmt::format("shape = {} of {} needs {} bytes of data, the file has {}", format_shape(header.shape), element_name(type),
                     wanted, present));
  }
  Tensor tensor;
  tensor.shape = header.shape;
  tensor.stored = type;
  tensor.data = decode_elements(bytes.data() + header_begin + header_size, static_cast<size_t>(*count), type, swap);
  if (header.fortran_order && header.shape.size() > 1) tensor.data = to_c_order(tensor.data, header.shape);
  return tensor;
}

void write_npy(const std::string& path, const Tensor& tensor) {
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}", fmt::join(tensor.shape, ", "),
                                   tensor.shape.size() == 1 ? "," : "");
  // The data begin at a multiple of 64 bytes; the header ends in a newline.
  const size_t before = magic_size + 2 + 2;
  header.append(63 - (before + header.size()) % 64, ' ');
  header.push_back('\n');
  OutputFile file(path);
  const unsigned char lead[] = {1, 0, static_cast<unsigned char>(header.size() & 255),
                                static_cast<unsigned char>(header.size() >> 8)};
  file.write(magic, magic_size);
  file.write(lead, sizeof lead);
  file.write(header.data(), header.size());
  file.write(tensor.data.data(), tensor.data.size() * sizeof(float));
  file.commit();
}

}  // namespace tools
