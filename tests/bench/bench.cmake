# The C programs of the benchmarks. They are built with everything else, so that they stay in step; figures come from
# the release preset: tests/bench/NAME runs build/release/tests/bench_NAME.

# What the queue costs, and workers that are fast enough to be killed by the hundred; tests/bench/queue and
# tests/bench/claims run it.
add_executable(bench_queue ${CMAKE_CURRENT_LIST_DIR}/queue.c)
target_link_libraries(bench_queue PRIVATE inqueue_flags queue PkgConfig::SQLITE PkgConfig::GLIB)

# The least that a load can take; tests/bench/load runs it.
add_executable(bench_raw_move ${CMAKE_CURRENT_LIST_DIR}/raw_move.c)
target_link_libraries(bench_raw_move PRIVATE inqueue_flags PkgConfig::GNUTLS)

# Parsing alone, against bare GMime; tests/bench/parse runs it.
add_executable(bench_parse ${CMAKE_CURRENT_LIST_DIR}/parse.c)
target_link_libraries(bench_parse PRIVATE inqueue_flags mime PkgConfig::GMIME PkgConfig::GLIB)

# What rules cost a mail; tests/bench/rules runs it.
add_executable(bench_rules ${CMAKE_CURRENT_LIST_DIR}/rules.c)
target_link_libraries(bench_rules PRIVATE inqueue_flags loader_rules PkgConfig::GLIB)
