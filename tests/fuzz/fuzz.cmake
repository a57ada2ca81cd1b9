# Fuzzers need clang. Where it is, ctest builds them in a folder of their own and runs each for a few seconds, or
# for $INQUEUE_FUZZ_S; what a fuzzer finds is left in that folder.
if(INQUEUE_FUZZ)
	foreach(fuzzer connection_string:loader mailbox_name:loader imap:loader mime:mime
			parsed:loader queues_file:loader import:loader html:mime)
		string(REPLACE : ";" parts ${fuzzer})
		list(GET parts 0 name)
		list(GET parts 1 house)
		add_executable(fuzz_${name} fuzz/fuzz_${name}.c)
		target_link_libraries(fuzz_${name} PRIVATE inqueue_flags ${house} PkgConfig::GLIB)
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
	endforeach()
	target_link_libraries(fuzz_mime PRIVATE loader_parser_protocol)
	return()
endif()

find_program(CLANG NAMES clang clang-14)
if(CLANG)
	add_test(NAME fuzz.build COMMAND ${CMAKE_CURRENT_LIST_DIR}/fuzz_build ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/fuzz
		${CLANG})
	set_tests_properties(fuzz.build PROPERTIES FIXTURES_SETUP fuzzers LABELS fuzz TIMEOUT 900)
	foreach(name connection_string mailbox_name imap mime parsed queues_file import html)
		add_test(NAME fuzz.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/fuzz_run
			${CMAKE_BINARY_DIR}/fuzz/tests/fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/data/fuzz/${name})
		set_tests_properties(fuzz.${name} PROPERTIES FIXTURES_REQUIRED fuzzers LABELS fuzz TIMEOUT 900)
	endforeach()
endif()
