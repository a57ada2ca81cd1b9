#include "loader/base/clock.h"
#include "loader/base/duration.h"
#include "loader/cli/frame/command.h"

#include <glib.h>
#include <string.h>

int invocation_duration(const struct invocation *invocation, const char *option, int64_t least_ms,
			int64_t otherwise_ms, int64_t *ret_ms, struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_ms = otherwise_ms;
	if (text == NULL)
		return 0;
	if (duration_parse(text, ret_ms) != 0 || *ret_ms < least_ms)
		return error_set(err, ERROR_USAGE, "--%s takes a time: 250ms, 30s, 10m, 12h, 1d",
				 option);
	return 0;
}

int invocation_time(const struct invocation *invocation, const char *option, int direction,
		    int64_t *ret_ms, struct error *err)
{
	const char *text = invocation_text(invocation, option);
	int64_t span_ms;
	*ret_ms = 0;
	if (text == NULL)
		return 0;
	if (duration_parse(text, &span_ms) == 0) {
		*ret_ms = clock_now_ms() + direction * span_ms;
		return 0;
	}
	g_autofree char *full =
	    strlen(text) == 10 ? g_strdup_printf("%sT00:00:00Z", text) : g_strdup(text);
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(full, utc);
	if (time == NULL)
		return error_set(err, ERROR_USAGE,
				 "--%s takes a time: 2026-01-31, 2026-01-31T12:00:00Z, or a span "
				 "from now: 10m, 12h, 1d",
				 option);
	*ret_ms = g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
	return 0;
}

int invocation_word(const struct invocation *invocation, const char *option, const char **ret_word,
		    struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_word = text;
	bool odd = text != NULL && (*text == '\0' || !g_utf8_validate(text, -1, NULL));
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		odd = odd || *at == ' ' || g_ascii_iscntrl(*at);
	if (odd)
		return error_set(err, ERROR_USAGE, "--%s takes a word without blanks", option);
	return 0;
}

int invocation_line(const struct invocation *invocation, const char *option, const char **ret_text,
		    struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_text = text;
	bool odd = text != NULL && !g_utf8_validate(text, -1, NULL);
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		odd = odd || (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t');
	if (odd)
		return error_set(err, ERROR_USAGE, "--%s takes UTF-8 text", option);
	return 0;
}

const char *invocation_who(const struct invocation *invocation)
{
	const char *named = invocation_text(invocation, "by");
	const char *before_sudo = getenv("SUDO_USER");
	if (named != NULL)
		return named;
	return before_sudo != NULL ? before_sudo : g_get_user_name();
}
