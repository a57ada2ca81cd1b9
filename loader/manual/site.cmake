# Makes a web site of the pages of MAN in OUTPUT, to be read from a disk as well as from a server:
# cmake -DMANDOC=… -DMAN=… -DSTYLE=… -DOUTPUT=… -P site.cmake
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
file(COPY_FILE ${STYLE} ${OUTPUT}/inqueue.css)
file(GLOB pages RELATIVE ${MAN} ${MAN}/man?/*)
set(section 0)
set(titles x Commands x x x Formats x "Guides and facts")
set(lists "")
foreach(page IN LISTS pages)
	get_filename_component(name ${page} NAME)
	# Pages that only lead to another one are found from its folder.
	execute_process(
		COMMAND ${MANDOC} -T html -O style=inqueue.css,man=%N.%S.html,toc ${page}
		WORKING_DIRECTORY ${MAN}
		OUTPUT_FILE ${OUTPUT}/${name}.html
		COMMAND_ERROR_IS_FATAL ANY)
	file(STRINGS ${MAN}/${page} about LIMIT_COUNT 1 REGEX "^\\.Nd ")
	if(NOT about)
		continue()
	endif()
	string(REGEX REPLACE "^\\.Nd " "" about "${about}")
	string(REGEX REPLACE "^(.*)\\.(.)$" "\\1" title ${name})
	string(REGEX REPLACE "^.*\\.(.)$" "\\1" number ${name})
	if(NOT number EQUAL section)
		set(section ${number})
		list(GET titles ${number} heading)
		string(APPEND lists "<tr><th colspan=\"2\">${heading}</th></tr>\n")
	endif()
	string(APPEND lists "<tr><td><a href=\"${name}.html\">${title}(${number})</a></td><td>${about}</td></tr>\n")
endforeach()
file(WRITE ${OUTPUT}/index.html "<!DOCTYPE html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>inqueue: the manual</title><link rel=\"stylesheet\" href=\"inqueue.css\"></head>
<body>
<h1>inqueue: the manual</h1>
<table>
${lists}</table>
</body>
</html>
")
