# Writes a C++ file that defines the sources of the page as string constants: cmake -DFOLDER=web -DOUTPUT=web.cpp -P embed.cmake
set(text "// Generated from tools/arith/web.\n#include \"tools/arith/web.hpp\"\n\nnamespace tools::arith::web {\n\n")
foreach(name picture.css page.css page.html twin.js picture.js page.js)
  file(READ ${FOLDER}/${name} content)
  string(REPLACE "." "_" variable ${name})
  string(APPEND text "const char* const ${variable} = R\"embedded(${content})embedded\";\n")
endforeach()
string(APPEND text "\n}  // namespace tools::arith::web\n")
file(WRITE ${OUTPUT} "${text}")
