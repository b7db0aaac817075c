// The page in a real browser: its JavaScript twin against the library over thousands of random axes, its drawings against the
// static pictures, and the page itself, driven by keys and sliders.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <random>

#include "browser.hpp"
#include "tools/arith/json.hpp"
#include "tools/arith/page.hpp"
#include "tools/arith/picture.hpp"
#include "tools/support/error.hpp"

namespace tconv {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned seed = 20240917;

// Mostly valid axes of the sizes that a reader may set, some larger, some impossible.
Axis random_axis(std::mt19937* random) {
  const auto in = [&](int64_t first, int64_t last) { return std::uniform_int_distribution<int64_t>(first, last)(*random); };
  const int64_t largest = in(0, 9) == 0 ? 40 : 10;
  Axis a;
  a.input = in(in(0, 30) == 0 ? -1 : 1, largest);
  a.kernel = in(in(0, 30) == 0 ? 0 : 1, largest);
  a.stride = in(in(0, 30) == 0 ? 0 : 1, largest);
  a.dilation = in(in(0, 30) == 0 ? 0 : 1, in(0, 1) == 0 ? 1 : largest);
  a.pad_begin = in(in(0, 30) == 0 ? -1 : 0, std::max<int64_t>(1, a.kernel));
  a.pad_end = in(0, 3) == 0 ? in(0, std::max<int64_t>(1, a.kernel)) : a.pad_begin;
  a.output_padding = in(0, 1) == 0 ? 0 : in(in(0, 30) == 0 ? -1 : 0, std::max(a.stride, a.dilation));
  return a;
}

Json fields_of(const Axis& a) {
  return {{"input", a.input},
          {"kernel", a.kernel},
          {"stride", a.stride},
          {"dilation", a.dilation},
          {"pad_begin", a.pad_begin},
          {"pad_end", a.pad_end},
          {"output_padding", a.output_padding}};
}

// What `tconv arith --json` prints for the axis, without the spellings; its message when it is no layer.
Json expected_json(const Axis& a) {
  int64_t size = 0;
  if (const Status s = output_size(a, "", &size); !s.ok()) return {{"error", s.message()}};
  tools::arith::Layer layer;
  layer.axes = {a};
  return tools::arith::to_json(layer);
}

// The page with a script after its own, which may use all that the page defines and leaves its findings in the document's last
// element as JSON.
Json run_in_page(const Axis& axis, int64_t at, const std::string& script) {
  const std::string browser = find_browser();
  std::string page = tools::arith::to_html(axis, at);
  const size_t end = page.rfind("</body>");
  page.insert(end, "<pre id=\"findings\"></pre><script>\n" + script + "\n</script>\n");
  const TemporaryFolder folder;
  std::ofstream(folder.path("page.html")) << page;
  const std::string document = dump_document(browser, folder.path("page.html"));
  const std::string open = "<pre id=\"findings\">";
  const size_t start = document.rfind(open);
  if (start == std::string::npos) throw std::runtime_error("no findings in the page: " + document.substr(0, 500));
  std::string text = document.substr(start + open.size());
  text.resize(text.find("</pre>"));
  for (const auto& [entity, letter] : {std::pair("&lt;", "<"), {"&gt;", ">"}, {"&nbsp;", " "}, {"&amp;", "&"}}) {
    for (size_t n = 0; (n = text.find(entity, n)) != std::string::npos; ++n) text.replace(n, std::string(entity).size(), letter);
  }
  return Json::parse(text);
}

// JSON inside a <script> must not end it: "</" becomes "<\/".
std::string script_json(const Json& json) {
  const std::string text = json.dump();
  std::string safe;
  for (size_t n = 0; n < text.size(); ++n) {
    safe += text[n];
    if (text[n] == '<' && n + 1 < text.size() && text[n + 1] == '/') safe += '\\';
  }
  return safe;
}

class Page : public ::testing::Test {
 protected:
  void SetUp() override {
    if (find_browser().empty()) GTEST_SKIP() << "no chromium (Debian package chromium): the page is not tested";
  }
};

TEST_F(Page, TwinComputesWhatTheLibraryComputes) {
  std::mt19937 random(seed);
  constexpr int count = 6000;
  Json cases = Json::array();
  int invalid = 0;
  for (int n = 0; n < count; ++n) {
    const Axis a = random_axis(&random);
    cases.push_back({{"axis", fields_of(a)}, {"expected", expected_json(a)}});
    invalid += cases.back()["expected"].contains("error");
  }
  const Json findings = run_in_page(Axis{3, 3, 2, 1, 1, 1, 1}, 0, "const cases = " + script_json(cases) + R"(;
    const differing = cases.filter((c) => JSON.stringify(arith(c.axis)) !== JSON.stringify(c.expected));
    byId('findings').textContent = JSON.stringify({
      agree: cases.length - differing.length,
      differing: differing.slice(0, 3).map((c) => ({axis: c.axis, library: c.expected, twin: arith(c.axis)}))});)");
  EXPECT_EQ(findings["agree"], count) << "seed " << seed << "\n" << findings["differing"].dump(1);
  std::cout << "[   twin   ] " << findings["agree"] << " of " << count << " random parameter sets agree, " << invalid
            << " of them impossible layers with the same message" << std::endl;
  EXPECT_GT(invalid, count / 20);
  EXPECT_LT(invalid, count / 2);
}

TEST_F(Page, DrawsWhatTheStaticPictureDraws) {
  std::mt19937 random(seed + 1);
  Json cases = Json::array();
  for (int n = 0; cases.size() < 120; ++n) {
    const Axis a = random_axis(&random);
    int64_t size = 0;
    if (!output_size(a, "", &size).ok()) continue;
    const int64_t at = std::uniform_int_distribution<int64_t>(0, size - 1)(random);
    try {
      tools::arith::require_drawable(a, at);
    } catch (const tools::Error&) {
      continue;
    }
    Json panels = Json::array();
    for (const tools::arith::Panel& p : tools::arith::draw_panels(a, at)) {
      panels.push_back(
          {{"title", p.title}, {"width", p.width}, {"height", p.height}, {"body", p.body}, {"description", p.description}});
    }
    cases.push_back({{"axis", fields_of(a)}, {"at", at}, {"panels", panels}});
  }
  const Json findings = run_in_page(Axis{3, 3, 2, 1, 1, 1, 1}, 0, "const cases = " + script_json(cases) + R"(;
    const differing = [];
    let agree = 0;
    for (const c of cases) {
      const drawn = PANELS.map((draw) => draw(c.axis, c.at));
      const n = drawn.findIndex((p, i) => Object.keys(c.panels[i]).some((key) => p[key] !== c.panels[i][key]));
      if (n < 0 && drawn.length === c.panels.length) ++agree;
      else differing.push({axis: c.axis, at: c.at, cpp: c.panels[n], js: drawn[n]});
    }
    byId('findings').textContent = JSON.stringify({agree, differing: differing.slice(0, 1)});)");
  EXPECT_EQ(findings["agree"], cases.size()) << "seed " << seed + 1 << "\n" << findings["differing"].dump(1);
  std::cout << "[ pictures ] " << findings["agree"] << " of " << cases.size() << " pictures are the same letter by letter"
            << std::endl;
}

TEST_F(Page, StepsByKeysSlidersAndPicks) {
  const Json f = run_in_page(Axis{3, 3, 2, 1, 1, 1, 1}, 2, R"(
    const found = {};
    const now = () => byId('now').textContent;
    const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true}));
    const slide = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event('input', {bubbles: true})); };
    const counts = () => [...byId('counts').querySelectorAll('td')].map((cell) => Number(cell.textContent));
    const marked = () => [...document.querySelectorAll('#panels figure:nth-child(3) .read text')].map((t) => t.textContent);
    found.start = now();
    found.check = byId('check').textContent;
    key('ArrowRight'); found.right = now(); found.marked = marked(); found.counts = counts();
    key('ArrowLeft'); key('ArrowLeft'); found.left = now();
    key('End'); found.end = now(); found.last_counts = counts(); found.next_disabled = byId('next').disabled;
    key('Home'); found.home = now();
    byId('next').click(); found.clicked = now();
    document.querySelector('#panels [data-o="4"]').dispatchEvent(new MouseEvent('click', {bubbles: true})); found.picked = now();
    slide('stride', 3); found.stride = [...byId('facts').querySelectorAll('.warning')].length;
    found.op = state.axis.output_padding;
    slide('padding', 8); found.error = byId('error').hidden ? '' : byId('error').textContent; found.hidden = byId('results').hidden;
    slide('padding', 0); found.back = byId('error').hidden && !byId('results').hidden;
    slide('stride', 1); found.clamped = byId('output_padding').value;
    byId('example').value = '5'; byId('example').dispatchEvent(new Event('input', {bubbles: true}));
    found.example = now() + ' / ' + byId('facts').textContent.includes('relationship 13');
    found.alternatives = [...document.querySelectorAll('#panels svg')].every((s) => s.getAttribute('role') === 'img' &&
        s.getAttribute('aria-label').length > 40);
    found.nameless = [...document.querySelectorAll('button, input, select')].filter((e) => !( e.labels && e.labels.length ||
        e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML);
    found.external = document.documentElement.outerHTML.match(/(src|href)\s*=/g);
    byId('findings').textContent = JSON.stringify(found);)");
  EXPECT_EQ(f["start"], "Output 3 of 6: y2 = x1·w1");
  EXPECT_NE(f["check"].get<std::string>().find("computes the same numbers"), std::string::npos);
  EXPECT_EQ(f["right"], "Output 4 of 6: y3 = x2·w0 + x1·w2");
  EXPECT_EQ(f["marked"], Json({"x1", "x2"}));
  // Outputs 0 to 3 take 1 + 2 + 1 + 2 products; scatter made w0 of x0 too, which padding cut off; zero insertion makes 3 each.
  EXPECT_EQ(f["counts"], Json({7, 9, 1, 12, 18, 10, 6, 8, 0}));
  EXPECT_EQ(f["last_counts"], Json({9, 9, 1, 18, 18, 10, 8, 8, 0}));
  EXPECT_EQ(f["left"], "Output 2 of 6: y1 = x1·w0 + x0·w2");
  EXPECT_EQ(f["end"], "Output 6 of 6: y5 = x2·w2");
  EXPECT_EQ(f["next_disabled"], true);
  EXPECT_EQ(f["home"], "Output 1 of 6: y0 = x0·w1");
  EXPECT_EQ(f["clicked"], "Output 2 of 6: y1 = x1·w0 + x0·w2");
  EXPECT_EQ(f["picked"], "Output 5 of 6: y4 = x2·w1");
  EXPECT_EQ(f["stride"], 0) << "kernel = stride: nothing to warn about";
  EXPECT_EQ(f["op"], 1);
  EXPECT_EQ(
      f["error"],
      "This cannot be a layer. padding leaves no output: pad_begin + pad_end = 8 + 8, uncropped output is 10, so they may cut off "
      "at most 9.");
  EXPECT_EQ(f["hidden"], true);
  EXPECT_EQ(f["back"], true);
  EXPECT_EQ(f["clamped"], "0") << "output padding follows the stride down";
  EXPECT_EQ(f["example"], "Output 1 of 5: y0 = x0·w1 / true");
  EXPECT_EQ(f["alternatives"], true);
  EXPECT_EQ(f["nameless"].dump(), "[]");
  EXPECT_TRUE(f["external"].is_null()) << "the page must need nothing from outside";
}

}  // namespace
}  // namespace tconv
