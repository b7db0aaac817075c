# Writes OUTPUT, a C++ file with the bytes of the ONNX files NETWORKS (a list), so that the program carries its networks.
#   cmake -DOUTPUT=networks.cpp "-DNETWORKS=a.onnx;b.onnx" -P embed_networks.cmake
set(arrays "")
set(table "")
set(index 0)
foreach(path IN LISTS NETWORKS)
  get_filename_component(name "${path}" NAME_WE)
  file(READ "${path}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "constexpr uint8_t bytes_${index}[] = {\n${bytes}};\n")
  string(APPEND table "    {\"${name}\", bytes_${index}, sizeof bytes_${index}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}.part"
     "#include \"tools/upscale/built_in.hpp\"\n\nnamespace tools::upscale {\nnamespace {\n\n${arrays}\nconstexpr EmbeddedFile files[] = {\n"
     "${table}    {nullptr, nullptr, 0},  // an array of nothing is not allowed\n};\n\n}  // namespace\n\nconst EmbeddedFile* const embedded_networks = files;\nconst size_t embedded_network_count = ${index};\n\n"
     "}  // namespace tools::upscale\n")
file(RENAME "${OUTPUT}.part" "${OUTPUT}")
