# Writes the text of INPUT as a C string literal, a line of SQL to a line of C.
file(READ ${INPUT} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n\"" text "${text}")
# Longer than the 4,095 characters every C compiler has to take; those that build this take more.
file(WRITE ${OUTPUT}
	"#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n"
	"static const char schema_sql[] =\n\"${text}\";\n")
