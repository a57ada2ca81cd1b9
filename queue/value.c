/* Writes times and digests as the database has them, and reads them back. */
#include "queue/store_internal.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define FIRST_SECOND INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static char *put_number(char *at, int number, int digits)
{
	for (int i = digits; i-- > 0; number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + digits;
}

/* "2026-01-31T12:00:00", without its zone; returns its end. Each entry has eight times: printf()
 * would take a tenth of the time that storing one takes. */
static char *put_time(char *at, int64_t time_s)
{
	const time_t time = (time_t)CLAMP(time_s, FIRST_SECOND, LAST_SECOND);
	struct tm tm;
	gmtime_r(&time, &tm);
	const struct {
		char before;
		int number;
	} rest[] = {{'-', tm.tm_mon + 1},
		    {'-', tm.tm_mday},
		    {'T', tm.tm_hour},
		    {':', tm.tm_min},
		    {':', tm.tm_sec}};
	at = put_number(at, tm.tm_year + 1900, 4);
	for (size_t i = 0; i < G_N_ELEMENTS(rest); i++) {
		*at++ = rest[i].before;
		at = put_number(at, rest[i].number, 2);
	}
	return at;
}

void value_format_time_ms(int64_t time_ms, char text[VALUE_TIME_MAX])
{
	time_ms = CLAMP(time_ms, FIRST_SECOND * 1000, LAST_SECOND * 1000 + 999);
	/* Rounded down, also before 1970. */
	const int64_t time_s = time_ms >= 0 ? time_ms / 1000 : (time_ms - 999) / 1000;
	char *at = put_time(text, time_s);
	*at++ = '.';
	at = put_number(at, (int)(time_ms - time_s * 1000), 3);
	memcpy(at, "Z", sizeof "Z");
}

void value_format_time_s(int64_t time_s, char text[VALUE_TIME_MAX])
{
	memcpy(put_time(text, time_s), "Z", sizeof "Z");
}

/* Takes either form up to the seconds; *ret_rest is what follows them. */
static bool parse_time(const char *text, int64_t *ret_time_s, const char **ret_rest)
{
	struct tm tm = {0};
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (rest == NULL)
		return false;
	*ret_time_s = (int64_t)timegm(&tm);
	*ret_rest = rest;
	return true;
}

/* 0 for NULL, and for what is no time. */
int64_t value_parse_time_s(const char *text)
{
	int64_t time_s;
	const char *rest;
	return parse_time(text, &time_s, &rest) ? time_s : 0;
}

int64_t value_parse_time_ms(const char *text)
{
	int64_t time_s;
	const char *rest;
	if (!parse_time(text, &time_s, &rest))
		return 0;
	int64_t fraction_ms = 0;
	if (rest[0] == '.' && g_ascii_isdigit(rest[1]) && g_ascii_isdigit(rest[2]) &&
	    g_ascii_isdigit(rest[3]))
		fraction_ms = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
	return time_s * 1000 + fraction_ms;
}

void value_format_sha256(const unsigned char sha256[32], char text[VALUE_SHA256_MAX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 32; i++) {
		text[2 * i] = digits[sha256[i] >> 4];
		text[2 * i + 1] = digits[sha256[i] & 15];
	}
	text[64] = '\0';
}

/* All zeros where there is no digest. */
void value_parse_sha256(const char *text, unsigned char ret_sha256[32])
{
	memset(ret_sha256, 0, 32);
	if (text == NULL || strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
		return;
	for (size_t i = 0; i < 32; i++)
		ret_sha256[i] = (unsigned char)(g_ascii_xdigit_value(text[2 * i]) << 4 |
						g_ascii_xdigit_value(text[2 * i + 1]));
}
