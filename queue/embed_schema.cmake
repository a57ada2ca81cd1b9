# Writes the schema, and the steps of FOLDER that lead older databases to it, as C string literals. The step to
# version N of the schema is the file FOLDER/N_*.sql.
function(literal file result)
	file(READ ${file} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\"" text "${text}")
	set(${result} "\"${text}\"" PARENT_SCOPE)
endfunction()

literal(${SCHEMA} schema)
set(steps "")
set(version 2)
file(GLOB left ${FOLDER}/*.sql)
while(left)
	set(found ${left})
	list(FILTER found INCLUDE REGEX "/${version}_[^/]*$")
	list(LENGTH found count)
	if(NOT count EQUAL 1)
		message(FATAL_ERROR "${FOLDER}: ${count} steps lead to version ${version}, and one should; left are ${left}")
	endif()
	literal(${found} step)
	string(APPEND steps "${step},\n")
	list(REMOVE_ITEM left ${found})
	math(EXPR version "${version} + 1")
endwhile()
# Longer than the 4,095 characters every C compiler has to take; those that build this take more.
file(WRITE ${OUTPUT}
	"#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n"
	"static const char schema_sql[] =\n${schema};\n"
	"/* schema_upgrades[i] leads from version i + 1 to i + 2. */\n"
	"static const char *const schema_upgrades[] = {\n${steps}NULL};\n")
