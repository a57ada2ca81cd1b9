/*
 * store_stamp.h - whether a database may have changed, without opening it.
 */
#ifndef QUEUE_STORE_STAMP_H
#define QUEUE_STORE_STAMP_H

#include <stdint.h>

/*
 * A number that is another one after a change; 0 when there is no such database. Two changes within
 * some milliseconds may leave it as after the first: whoever acts on a new number looks once more a
 * moment later.
 */
uint64_t store_stamp(const char *location);

#endif
