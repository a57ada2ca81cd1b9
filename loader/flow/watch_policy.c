#include "loader/flow/watch_policy.h"

#include <stdbool.h>

/* In units of the first pause: 1 min, 5 min and 15 min where that is 5 s. */
enum { WATCH_SLOW = 12, WATCH_SLOWER = 60, WATCH_LONGEST = 180 };

struct watch_policy watch_policy_new(int64_t retry_ms)
{
	return (struct watch_policy){.retry_ms = retry_ms, .kind = ERROR_NONE};
}

int64_t watch_policy_pause_ms(struct watch_policy *policy, enum error_kind kind, uint32_t random)
{
	bool slow =
	    kind == ERROR_TEMPORARY || kind == ERROR_CONFIGURATION || kind == ERROR_CREDENTIALS;
	if (policy->kind != kind) {
		policy->kind = kind;
		policy->backoff =
		    (struct backoff){.first_ms = policy->retry_ms * (slow ? WATCH_SLOW : 1),
				     .longest_ms = policy->retry_ms * WATCH_LONGEST};
	}
	return backoff_next_ms(&policy->backoff, random);
}

int64_t watch_policy_refusal_ms(const struct watch_policy *policy, uint32_t refusals,
				uint32_t random)
{
	int64_t units = refusals <= 1 ? WATCH_SLOW : WATCH_SLOWER;
	return backoff_jitter_ms(policy->retry_ms * units, random);
}

void watch_policy_reset(struct watch_policy *policy)
{
	policy->kind = ERROR_NONE;
}
