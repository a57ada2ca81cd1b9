# Writes each page of MAN as text to OUTPUT, for machines without man(1): cmake -DMANDOC=… -DMAN=… -DOUTPUT=… -P text.cmake
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
file(GLOB pages ${MAN}/man?/*)
foreach(page IN LISTS pages)
	file(STRINGS ${page} alias LIMIT_COUNT 1 REGEX "^\\.so ")
	if(alias)
		continue()
	endif()
	get_filename_component(name ${page} NAME)
	# Bold and underlined characters are struck over each other.
	execute_process(
		COMMAND ${MANDOC} -T utf8 -O width=80 ${page}
		COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C.UTF-8 sed "s/.\\x08//g"
		OUTPUT_FILE ${OUTPUT}/${name}.txt
		COMMAND_ERROR_IS_FATAL ANY)
endforeach()
