# What the queue costs, and workers that are fast enough to be killed by the hundred; tests/bench/queue and
# tests/bench/claims run it.
add_executable(bench_queue ${CMAKE_CURRENT_LIST_DIR}/queue.c)
target_link_libraries(bench_queue PRIVATE inqueue_flags queue PkgConfig::SQLITE PkgConfig::GLIB)
