# Writes DOCUMENT as bytes of a C header, OUTPUT.
file(READ ${DOCUMENT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "static const unsigned char openapi_json[] = {\n${bytes}};\n")
