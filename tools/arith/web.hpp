// The page's sources (folder web/), embedded at build time.
#pragma once

namespace tools::arith::web {

extern const char* const picture_css;
extern const char* const page_css;
extern const char* const page_html;
extern const char* const twin_js;
extern const char* const picture_js;
extern const char* const page_js;

}  // namespace tools::arith::web
