#include "loader/watch/watch_policy.h"

#include <stdbool.h>

/* In units of the first pause: 1 min, 5 min and 15 min where that is 5 s. */
enum { WATCH_SLOW = 12, WATCH_SLOWER = 60, WATCH_LONGEST = 180 };

struct watch_policy watch_policy_new(int64_t retry_ms)
{
	const int64_t longest_ms = retry_ms * WATCH_LONGEST;
	return (struct watch_policy){
	    .retry_ms = retry_ms,
	    .quick = {.first_ms = retry_ms, .longest_ms = longest_ms},
	    .slow = {.first_ms = retry_ms * WATCH_SLOW, .longest_ms = longest_ms},
	};
}

int64_t watch_policy_pause_ms(struct watch_policy *policy, enum error_kind kind, uint32_t random)
{
	bool slow =
	    kind == ERROR_TEMPORARY || kind == ERROR_CONFIGURATION || kind == ERROR_CREDENTIALS;
	return backoff_next_ms(slow ? &policy->slow : &policy->quick, random);
}

int64_t watch_policy_refusal_ms(const struct watch_policy *policy, uint32_t refusals,
				uint32_t random)
{
	int64_t units = refusals <= 1 ? WATCH_SLOW : WATCH_SLOWER;
	return backoff_jitter_ms(policy->retry_ms * units, random);
}

void watch_policy_reset(struct watch_policy *policy)
{
	backoff_reset(&policy->quick);
	backoff_reset(&policy->slow);
}
