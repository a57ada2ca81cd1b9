# Writes an index of the pages of MAN to OUTPUT, and, where there is MANDOC, each page as text for machines without
# man(1): cmake -DMANDOC=… -DMAN=… -DOUTPUT=… -P text.cmake
#
# A line of the index is "NAME SECTION PAGE", and behind a page's own name what it is about: "inqueue-work 1
# inqueue-work.1 work a queue off", "inqueue-claim 1 inqueue-work.1". `inqueue help` reads it instead of the pages, which
# packages compress and containers leave out.
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
set(index)
file(GLOB pages ${MAN}/man?/*)
foreach(page IN LISTS pages)
	get_filename_component(file ${page} NAME)
	string(REGEX MATCH "^(.*)\\.(.)$" matched ${file})
	set(entry "${CMAKE_MATCH_1} ${CMAKE_MATCH_2}")
	file(STRINGS ${page} alias LIMIT_COUNT 1 REGEX "^\\.so ")
	if(alias)
		get_filename_component(target "${alias}" NAME)
		list(APPEND index "${entry} ${target}")
		continue()
	endif()
	file(STRINGS ${page} about LIMIT_COUNT 1 REGEX "^\\.Nd " ENCODING UTF-8)
	string(SUBSTRING "${about}" 4 -1 about)
	list(APPEND index "${entry} ${file} ${about}")
	if(NOT MANDOC)
		continue()
	endif()
	# Bold and underlined characters are struck over each other.
	execute_process(
		COMMAND ${MANDOC} -T utf8 -O width=80 ${page}
		COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C.UTF-8 sed "s/.\\x08//g"
		OUTPUT_FILE ${OUTPUT}/${file}.txt
		COMMAND_ERROR_IS_FATAL ANY)
endforeach()
list(SORT index)
list(JOIN index "\n" index)
file(WRITE ${OUTPUT}/index "${index}\n")
