# Each tests/faults/test_*.py is a ctest test of its own: faults on purpose, and a checker of what became of the mail.
file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.py)
foreach(script IN LISTS scripts)
	get_filename_component(module ${script} NAME_WE)
	string(REPLACE test_ faults. name ${module})
	add_test(NAME ${name}
		COMMAND ${PYTHON3} -B -m unittest ${module}
		WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR})
	set_tests_properties(${name} PROPERTIES
		TIMEOUT 1200 LABELS faults
		ENVIRONMENT "INQUEUE=$<TARGET_FILE:inqueue>;SOURCE_DIR=${CMAKE_SOURCE_DIR};BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/e2e")
endforeach()

# Sanitizers change what these look at: memory, and cores.
set_tests_properties(faults.hostile faults.canary_core PROPERTIES LABELS "faults;optimised")

# What these look at is the mail after somebody was killed or the power went, a thousand runs of the program in all. Most
# of what a run costs with sanitizers is its start, and who is killed reports no misuse of memory: tests/run has them run
# on the release build, as it is installed, and not on that with sanitizers. Other tests take the same ways there.
foreach(name acknowledge archive kill kill_random)
	set_tests_properties(faults.${name} PROPERTIES LABELS "faults;killed")
endforeach()

# Power loss, on a disk that can be played back.
add_executable(power_loss faults/power_loss.c faults/disk_recorder.c)
target_include_directories(power_loss PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(power_loss PRIVATE inqueue_flags queue PkgConfig::SQLITE PkgConfig::GLIB)
add_test(NAME faults.power COMMAND power_loss)
set_tests_properties(faults.power PROPERTIES TIMEOUT 600 LABELS "faults;killed")
