# Each tests/e2e/test_*.py is a ctest test of its own, run against the program just built.
find_program(PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.py)
foreach(script IN LISTS scripts)
	get_filename_component(module ${script} NAME_WE)
	string(REPLACE test_ e2e. name ${module})
	add_test(NAME ${name}
		COMMAND ${PYTHON3} -B -m unittest ${module}
		WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR})
	set_tests_properties(${name} PROPERTIES
		TIMEOUT 600 LABELS e2e
		ENVIRONMENT "INQUEUE=$<TARGET_FILE:inqueue>;SOURCE_DIR=${CMAKE_SOURCE_DIR};BUILD_DIR=${CMAKE_BINARY_DIR}")
endforeach()

# Sixteen processes that are never idle: with all other tests beside them one may wait for longer than it is told to.
set_tests_properties(e2e.many_claims PROPERTIES PROCESSORS 4)

# What is installed is not what sanitizers make of it.
set_tests_properties(e2e.programs PROPERTIES LABELS "e2e;optimised")
