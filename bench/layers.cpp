#include "bench/layers.hpp"

#include <algorithm>
#include <cerrno>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

namespace tconv::bench {
namespace {

constexpr const char* axis_letter[3] = {"d", "h", "w"};

struct AxisField {
  const char* column;  // prefix; the axis letter follows
  const char* field;   // of tconv::Axis, as messages of resolve() spell it
  int64_t Axis::*member;
  int64_t trivial;  // value on an axis that the rank lacks
};
constexpr AxisField axis_fields[] = {
    {"in_", "input", &Axis::input, 1},
    {"kernel_", "kernel", &Axis::kernel, 1},
    {"stride_", "stride", &Axis::stride, 1},
    {"pad_begin_", "pad_begin", &Axis::pad_begin, 0},
    {"pad_end_", "pad_end", &Axis::pad_end, 0},
    {"output_padding_", "output_padding", &Axis::output_padding, 0},
    {"dilation_", "dilation", &Axis::dilation, 1},
};
constexpr const char* plain_columns[] = {"name",   "rank", "batch",      "in_channels", "out_channels",
                                         "groups", "bias", "activation", "tier",        "source"};

struct Field {
  std::string text;
  int column = 1;  // of its first character
};

// One line of CSV into fields; a field in double quotes may hold commas, "" stands for one quote.
bool split(const std::string& line, std::vector<Field>* fields, int* bad_column) {
  fields->clear();
  size_t i = 0;
  for (;;) {
    Field field;
    field.column = static_cast<int>(i) + 1;
    if (i < line.size() && line[i] == '"') {
      for (++i;; ++i) {
        if (i >= line.size()) return *bad_column = field.column, false;
        if (line[i] != '"') {
          field.text += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
          field.text += line[i++];
        } else {
          break;
        }
      }
      ++i;
      if (i < line.size() && line[i] != ',') return *bad_column = static_cast<int>(i) + 1, false;
    } else {
      while (i < line.size() && line[i] != ',') field.text += line[i++];
    }
    fields->push_back(field);
    if (i >= line.size()) return true;
    ++i;
  }
}

class Parser {
 public:
  Parser(const std::string& name, std::string* error) : file_(name), error_(error) {}

  bool header(const std::string& line) {
    int bad = 0;
    if (!split(line, &fields_, &bad)) return fail(bad, "unfinished quote");
    for (const Field& f : fields_) {
      if (std::count_if(fields_.begin(), fields_.end(), [&](const Field& g) { return g.text == f.text; }) > 1) {
        return fail(f.column, "column " + f.text + ": there twice");
      }
      columns_.push_back(f.text);
    }
    const int end = static_cast<int>(line.size()) + 1;
    for (const char* column : plain_columns) {
      if (find(column) < 0) return fail(end, std::string("column ") + column + ": missing");
    }
    for (const AxisField& field : axis_fields) {
      for (const char* letter : axis_letter) {
        const std::string column = std::string(field.column) + letter;
        if (find(column) < 0) return fail(end, "column " + column + ": missing");
      }
    }
    return true;
  }

  bool row(const std::string& line, int number, Layer* layer) {
    line_ = number;
    int bad = 0;
    if (!split(line, &fields_, &bad)) return fail(bad, "unfinished quote");
    if (fields_.size() != columns_.size()) {
      return fail(static_cast<int>(line.size()) + 1,
                  std::to_string(fields_.size()) + " fields: the first line names " + std::to_string(columns_.size()) + " columns");
    }
    Layer l;
    l.line = number;
    l.name = field("name").text;
    l.activation = field("activation").text;
    l.source = field("source").text;
    // Names become parts of benchmark names and of file names.
    if (l.name.empty() ||
        l.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-") != std::string::npos) {
      return fail(field("name").column, "name = \"" + l.name + "\": must be letters, digits and _ . + - only");
    }
    if (!names_.insert(l.name).second) return fail(field("name").column, "name = \"" + l.name + "\": there twice");

    Description& d = l.description;
    int64_t rank = 0, bias = 0, tier = 0;
    if (!integer("rank", &rank) || !integer("batch", &d.batch) || !integer("in_channels", &d.in_channels) ||
        !integer("out_channels", &d.out_channels) || !integer("groups", &d.groups) || !integer("bias", &bias) ||
        !integer("tier", &tier)) {
      return false;
    }
    if (rank < 1 || rank > max_rank) return fail_value("rank", "must be 1, 2 or 3");
    if (bias < 0 || bias > 1) return fail_value("bias", "must be 0 or 1");
    if (tier < 0 || tier > 2) return fail_value("tier", "must be 0, 1 or 2");
    d.rank = static_cast<int>(rank);
    l.bias = bias == 1;
    l.tier = static_cast<int>(tier);
    const int lead = max_rank - d.rank;
    for (int a = 0; a < max_rank; ++a) {
      for (const AxisField& f : axis_fields) {
        const std::string column = std::string(f.column) + axis_letter[a];
        int64_t value = 0;
        if (!integer(column, &value)) return false;
        if (a >= lead) {
          d.axis[a - lead].*f.member = value;
        } else if (value != f.trivial) {
          return fail_value(column, "must be " + std::to_string(f.trivial) + " in a layer of rank " + std::to_string(d.rank));
        }
      }
    }
    Geometry geometry;
    if (const Status s = resolve(d, &geometry); !s.ok()) {
      const std::string column = column_of(s.message(), lead);
      return fail(field(column).column, column + " = " + field(column).text + ": impossible layer: " + s.message());
    }
    *layer = l;
    return true;
  }

  bool fail(int column, const std::string& what) {
    *error_ = file_ + ":" + std::to_string(line_) + ":" + std::to_string(column) + ": " + what;
    return false;
  }

 private:
  int find(const std::string& column) const {
    const auto it = std::find(columns_.begin(), columns_.end(), column);
    return it == columns_.end() ? -1 : static_cast<int>(it - columns_.begin());
  }
  const Field& field(const std::string& column) const { return fields_[static_cast<size_t>(find(column))]; }
  bool fail_value(const std::string& column, const std::string& rule) {
    return fail(field(column).column, column + " = " + field(column).text + ": " + rule);
  }
  bool integer(const std::string& column, int64_t* value) {
    const std::string& text = field(column).text;
    char* end = nullptr;
    errno = 0;
    const long long parsed = std::strtoll(text.c_str(), &end, 10);
    const bool digits = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    if (!digits || *end != '\0' || end == text.c_str()) {
      return fail(field(column).column, column + " = \"" + text + "\": must be a whole number");
    }
    if (errno == ERANGE) return fail_value(column, "does not fit in 64 bits");
    *value = parsed;
    return true;
  }
  // The column that a message of resolve() speaks of: "axis[1].stride = 0: ..." or "groups = 3: ..."; "name" for the whole layer.
  std::string column_of(const std::string& message, int lead) const {
    int axis = 0;
    char rest[64] = {};
    if (std::sscanf(message.c_str(), "axis[%d].%63[a-z_]", &axis, rest) == 2) {
      for (const AxisField& f : axis_fields) {
        if (!std::strcmp(rest, f.field)) return std::string(f.column) + axis_letter[axis + lead];
      }
      return std::string("in_") + axis_letter[axis + lead];
    }
    const std::string word = message.substr(0, message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
    return find(word) >= 0 ? word : "name";
  }

  std::string file_;
  std::string* error_;
  int line_ = 1;
  std::vector<std::string> columns_;
  std::vector<Field> fields_;
  std::set<std::string> names_;
};

}  // namespace

bool parse_layers(const std::string& text, const std::string& name, std::vector<Layer>* layers, std::string* error) {
  layers->clear();
  Parser parser(name, error);
  std::istringstream in(text);
  std::string line;
  if (!std::getline(in, line)) return parser.fail(1, "empty: the first line must name the columns");
  const auto strip = [&] {
    if (!line.empty() && line.back() == '\r') line.pop_back();
  };
  strip();
  if (!parser.header(line)) return false;
  std::vector<Layer> read;
  for (int number = 2; std::getline(in, line); ++number) {
    strip();
    if (line.empty()) continue;
    Layer layer;
    if (!parser.row(line, number, &layer)) return false;
    read.push_back(layer);
  }
  if (read.empty()) return parser.fail(1, "no layers");
  *layers = std::move(read);
  return true;
}

bool load_layers(const std::string& path, std::vector<Layer>* layers, std::string* error) {
  layers->clear();
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) {
    *error = path + ":1:1: cannot be read: " + std::strerror(errno ? errno : EIO);
    return false;
  }
  return parse_layers(text.str(), path, layers, error);
}

std::vector<std::string> layer_groups(const Layer& layer) {
  const Description& d = layer.description;
  bool equal = true, overlap = false;
  for (int a = 0; a < d.rank; ++a) {
    equal = equal && d.axis[a].kernel == d.axis[a].stride;
    overlap = overlap || d.axis[a].kernel > d.axis[a].stride;
  }
  const bool depthwise = d.groups > 1 && d.groups == d.in_channels && d.groups == d.out_channels;
  const bool few = d.groups == 1 && d.out_channels <= 4;
  std::vector<std::string> groups;
  if (layer.tier == 2) groups.push_back("tier 2");
  if (d.groups == 1 && overlap && !few) groups.push_back("dense k>s");
  if (equal && !depthwise) groups.push_back("k==s");
  if (few) groups.push_back("few outputs");
  if (depthwise) groups.push_back("depthwise");
  if (d.rank == 1) groups.push_back("1-D");
  if (d.rank == 3) groups.push_back("3-D");
  return groups;
}

double useful_flops(const Layer& layer) {
  Geometry g;
  return resolve(layer.description, &g).ok() ? 2.0 * static_cast<double>(g.multiplications) : 0;
}

double effective_bytes(const Layer& layer) {
  Geometry g;
  if (!resolve(layer.description, &g).ok()) return 0;
  return 4.0 * (static_cast<double>(g.input_elements) + static_cast<double>(g.weight_elements) +
                static_cast<double>(g.output_elements) + (layer.bias ? static_cast<double>(layer.description.out_channels) : 0));
}

Layer shrink(const Layer& layer, int64_t multiplications) {
  Layer small = layer;
  Description& d = small.description;
  d.batch = 1;
  Geometry g;
  while (resolve(d, &g).ok() && g.multiplications > multiplications) {
    // Halve the longest axis, but keep a few inputs: interior, both borders, a row that is no multiple of a tile.
    Axis* longest = std::max_element(d.axis, d.axis + d.rank, [](const Axis& a, const Axis& b) { return a.input < b.input; });
    if (longest->input <= 9) break;
    const Axis before = *longest;
    longest->input = (longest->input + 1) / 2;
    if (!resolve(d, &g).ok()) {
      *longest = before;
      break;
    }
  }
  return small;
}

std::string layers_json(const std::vector<Layer>& layers) {
  std::string json = "[";
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + "\"";
  };
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& l = layers[i];
    const Description& d = l.description;
    Geometry g;
    if (!resolve(d, &g).ok()) continue;
    json += i ? ",\n {" : "\n {";
    json += "\"name\": " + quoted(l.name) + ", \"rank\": " + std::to_string(d.rank) + ", \"batch\": " + std::to_string(d.batch) +
            ", \"in_channels\": " + std::to_string(d.in_channels) + ", \"out_channels\": " + std::to_string(d.out_channels) +
            ", \"groups\": " + std::to_string(d.groups) + ", \"bias\": " + (l.bias ? "true" : "false") +
            ", \"activation\": " + quoted(l.activation) + ", \"tier\": " + std::to_string(l.tier) +
            ", \"source\": " + quoted(l.source);
    for (const AxisField& f : axis_fields) {
      json += std::string(", \"") + f.field + "\": [";
      for (int a = 0; a < d.rank; ++a) json += (a ? ", " : "") + std::to_string(d.axis[a].*f.member);
      json += "]";
    }
    json += ", \"output\": [";
    for (int a = max_rank - d.rank; a < max_rank; ++a) {
      json += (a > max_rank - d.rank ? ", " : "") + std::to_string(g.output[a]);
    }
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, "], \"flops\": %.0f, \"bytes\": %.0f, \"groups_of_report\": [", useful_flops(l),
                  effective_bytes(l));
    json += numbers;
    const std::vector<std::string> groups = layer_groups(l);
    for (size_t k = 0; k < groups.size(); ++k) json += (k ? ", " : "") + quoted(groups[k]);
    json += "]}";
  }
  return json + "\n]\n";
}

}  // namespace tconv::bench
