#include "loader/base/backoff.h"

enum { BACKOFF_DOUBLINGS_MAX = 32 };

int64_t backoff_jitter_ms(int64_t pause_ms, uint32_t random)
{
	int64_t spread_ms = pause_ms / 2;
	return pause_ms - spread_ms / 2 + (int64_t)((double)spread_ms * random / UINT32_MAX);
}

int64_t backoff_next_ms(struct backoff *backoff, uint32_t random)
{
	int64_t pause_ms = backoff->first_ms;
	for (uint32_t i = 0; i < backoff->failures && pause_ms < backoff->longest_ms; i++)
		pause_ms *= 2;
	if (pause_ms > backoff->longest_ms)
		pause_ms = backoff->longest_ms;
	if (backoff->failures < BACKOFF_DOUBLINGS_MAX)
		backoff->failures++;
	return backoff_jitter_ms(pause_ms, random);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
