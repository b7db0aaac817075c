#include "tools/arith/page.hpp"

#include "tools/arith/json.hpp"
#include "tools/arith/web.hpp"

namespace tools::arith {
namespace {

void replace(std::string* text, const std::string& mark, const std::string& by) {
  const size_t at = text->find(mark);
  if (at != std::string::npos) text->replace(at, mark.size(), by);
}

}  // namespace

std::string to_html(const tconv::Axis& axis, int64_t at) {
  Layer layer;
  layer.axes = {axis};
  std::string page = web::page_html;
  replace(&page, "/*picture.css*/", web::picture_css);
  replace(&page, "/*page.css*/", web::page_css);
  replace(&page, "/*twin.js*/", web::twin_js);
  replace(&page, "/*picture.js*/", web::picture_js);
  replace(&page, "/*page.js*/", web::page_js);
  replace(&page, "{\"first\":\"case\"}", to_json(layer).dump());
  replace(&page, "data-at=\"0\"", "data-at=\"" + std::to_string(at) + "\"");
  return page;
}

}  // namespace tools::arith
