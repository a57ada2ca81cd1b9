# Fuzzers need clang. Where it is, ctest builds them in a folder of their own and runs each for a few seconds, or
# for $INQUEUE_FUZZ_S; what a fuzzer finds is left in that folder.
if(INQUEUE_FUZZ)
	# Each names the rooms that it is about: no others are compiled.
	foreach(fuzzer connection_string:loader_imap_names mailbox_name:loader_imap_names imap:loader_imap_session
			mime:mime,loader_parser_protocol parsed:loader_make,loader_parse,loader_parser_protocol,queue
			queues_file:loader_define import:loader_import html:mime)
		string(REGEX REPLACE ":.*" "" name ${fuzzer})
		string(REGEX REPLACE ".*:" "" rooms ${fuzzer})
		string(REPLACE "," ";" rooms ${rooms})
		add_executable(fuzz_${name} fuzz/fuzz_${name}.c)
		target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR})
		target_link_libraries(fuzz_${name} PRIVATE inqueue_flags ${rooms} PkgConfig::GLIB)
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
		list(APPEND fuzzers fuzz_${name})
	endforeach()
	add_custom_target(fuzzers DEPENDS ${fuzzers})
	return()
endif()

find_program(CLANG NAMES clang clang-14)
if(CLANG)
	add_test(NAME fuzz.build COMMAND ${CMAKE_CURRENT_LIST_DIR}/fuzz_build ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/fuzz
		${CLANG})
	set_tests_properties(fuzz.build PROPERTIES FIXTURES_SETUP fuzzers LABELS fuzz TIMEOUT 3600)
	foreach(name connection_string mailbox_name imap mime parsed queues_file import html)
		add_test(NAME fuzz.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/fuzz_run
			${CMAKE_BINARY_DIR}/fuzz/tests/fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/data/fuzz/${name})
		set_tests_properties(fuzz.${name} PROPERTIES FIXTURES_REQUIRED fuzzers LABELS fuzz TIMEOUT 900)
	endforeach()
endif()
