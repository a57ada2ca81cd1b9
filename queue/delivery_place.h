/*
 * delivery_place.h - places at a target: all processes that deliver to it with one database share
 * them, so that together they make no more posts at a time than the target is to get.
 *
 * Life:    delivery_places_open() while the process holds work_queue_lock_delivery() ..
 *          delivery_places_close(); a process has those of one target at a time. A place is kept
 *          from post to post, until another process waits for one. All are given up when the
 *          process ends, however it ends.
 * Errors:  none: where the system refuses a lock there is no place.
 * Threads: one at a time.
 */
#ifndef QUEUE_DELIVERY_PLACE_H
#define QUEUE_DELIVERY_PLACE_H

#include "queue/base/scoped.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_PLACES_MAX 64

struct delivery_places;

/* `target` is the same text for all who mean the same target; `most` is 1 to DELIVERY_PLACES_MAX.
 */
struct delivery_places *delivery_places_open(struct store *store, const char *target, int32_t most);

/* Gives all back; takes NULL. */
void delivery_places_close(struct delivery_places *places);
SCOPED_DEFINE(struct delivery_places *, delivery_places_close)

/* Is there a place for one more post beside `used` ones? Takes another place where that is needed
 * and nobody else waits. A process without any is known to wait from then on. */
bool delivery_places_have(struct delivery_places *places, int32_t used);

/* Gives back what others wait for: unused places, the last one after a while only. To be called now
 * and then; now_ms is monotonic. */
void delivery_places_share(struct delivery_places *places, int32_t used, int64_t now_ms);

#endif
