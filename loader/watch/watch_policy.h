/*
 * watch_policy.h - how long a queue is left alone after an error, by what kind of error it was.
 *
 *   network, server, this machine  5 s, doubled each time up to 15 min
 *   throttled, busy, full          1 min, likewise
 *   definition, folder missing     1 min, likewise; any change of the definition ends the pause
 *   no password to be had          1 min, likewise
 *   sign-in refused                1 min, then 5 min; the last one in a row stops the queue
 *
 * All pauses have a quarter of jitter, and scale with the first (`retry_ms`, 5 s unless told
 * otherwise). Pure functions.
 */
#ifndef LOADER_WATCH_WATCH_POLICY_H
#define LOADER_WATCH_WATCH_POLICY_H

#include "loader/base/backoff.h"
#include "queue/base/error.h"

#include <stdint.h>

enum { WATCH_RETRY_MS = 5000 };

struct watch_policy {
	int64_t retry_ms;
	struct backoff quick; /* after errors that may be over soon */
	struct backoff slow;
};

struct watch_policy watch_policy_new(int64_t retry_ms);

/* The pause after an error that is no refused sign-in. */
int64_t watch_policy_pause_ms(struct watch_policy *policy, enum error_kind kind, uint32_t random);

/* The pause after the `refusals`th refused sign-in in a row, below REFUSAL_MAX (refusal.h). */
int64_t watch_policy_refusal_ms(const struct watch_policy *policy, uint32_t refusals,
				uint32_t random);

/* A run went well. */
void watch_policy_reset(struct watch_policy *policy);

#endif
