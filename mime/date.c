#include "mime/date.h"

#include <glib.h>
#include <string.h>

enum { TOKENS_MAX = 16, TOKEN_LENGTH_MAX = 15 };

struct date {
	int year, month, day;
	int hour, minute, second;
	int zone_minutes;
	bool has_day, has_month, has_year, has_time, has_zone;
};

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '\0';
}

/* Splits at blanks and commas, without comments. Returns the number of tokens. */
static size_t tokens_split(const char *text, size_t length, char tokens[][TOKEN_LENGTH_MAX + 1])
{
	size_t count = 0;
	size_t used = 0;
	size_t depth = 0;

	for (size_t i = 0; i <= length && count < TOKENS_MAX; i++) {
		char c = i < length ? text[i] : ' ';
		if (c == '(')
			depth++;
		if (depth == 0 && !is_separator(c) && used < TOKEN_LENGTH_MAX) {
			tokens[count][used++] = c;
		} else if (used > 0 && (depth > 0 || is_separator(c))) {
			tokens[count++][used] = '\0';
			used = 0;
		}
		if (c == ')' && depth > 0)
			depth--;
	}
	return count;
}

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static int month_parse(const char *text)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; i < 12; i++)
		if (g_ascii_strncasecmp(text, names + 3 * (size_t)i, 3) == 0)
			return i + 1;
	return 0;
}

static bool time_parse(const char *text, struct date *date)
{
	int numbers[3] = {0, 0, 0};
	size_t count = 0;

	while (count < 3) {
		if (!g_ascii_isdigit(*text))
			return false;
		int digits = 0;
		for (; g_ascii_isdigit(*text) && digits < 3; digits++, text++)
			numbers[count] = numbers[count] * 10 + (*text - '0');
		count++;
		if (*text != ':' && *text != '.')
			break;
		text++;
	}
	/* Fractions of a second are dropped. */
	if (count < 2 || (*text && !(count == 3 && all_digits(text))))
		return false;
	date->hour = numbers[0];
	date->minute = numbers[1];
	date->second = MIN(numbers[2], 59);
	return numbers[0] < 24 && numbers[1] < 60 && numbers[2] <= 60;
}

static bool offset_parse(const char *text, int *ret_minutes)
{
	char digits[5] = "";
	size_t used = 0;

	for (const char *c = text + 1; *c; c++) {
		if (*c == ':')
			continue;
		if (!g_ascii_isdigit(*c) || used == 4)
			return false;
		digits[used++] = *c;
	}
	if (used != 4 && used != 2)
		return false;
	int number = (int)g_ascii_strtoll(digits, NULL, 10);
	int minutes = used == 2 ? number * 60 : number / 100 * 60 + number % 100;
	*ret_minutes = *text == '-' ? -minutes : minutes;
	return minutes < 24 * 60;
}

static bool zone_parse(const char *text, int *ret_minutes)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"UT", 0},	  {"UTC", 0},  {"GMT", 0},  {"Z", 0},	 {"EST", -5}, {"EDT", -4},
		     {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
		     {"WET", 0},  {"WEST", 1}, {"BST", 1},  {"CET", 1},	 {"MET", 1},  {"CEST", 2},
		     {"MEST", 2}, {"EET", 2},  {"EEST", 3}, {"MSK", 3},	 {"JST", 9},  {"KST", 9}};

	if ((*text == '+' || *text == '-'))
		return offset_parse(text, ret_minutes);
	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
		if (g_ascii_strcasecmp(text, zones[i].name) == 0) {
			*ret_minutes = zones[i].hours * 60;
			return true;
		}
	}
	/* Military letters were defined wrongly once and mean nothing: RFC 5322, 4.3. */
	*ret_minutes = 0;
	return g_ascii_isalpha(text[0]) && text[1] == '\0';
}

/* RFC 5322, 4.3: two digits below 50 are 20xx, other two or three digits count from 1900. */
static int year_complete(int number, size_t digits)
{
	if (digits == 2)
		return number < 50 ? number + 2000 : number + 1900;
	return digits == 3 ? number + 1900 : number;
}

static bool number_take(const char *token, struct date *date)
{
	size_t digits = strlen(token);
	int number = (int)g_ascii_strtoll(token, NULL, 10);

	if (digits <= 2 && !date->has_day) {
		date->day = number;
		return date->has_day = true;
	}
	if (digits <= 4 && !date->has_year) {
		date->year = year_complete(number, digits);
		return date->has_year = true;
	}
	return false;
}

/* "06-Nov-94", and the ISO form "2024-05-01". */
static bool dashed_take(char *token, struct date *date)
{
	g_auto(GStrv) parts = g_strsplit(token, "-", 4);

	if (g_strv_length(parts) != 3 || !all_digits(parts[0]) || !all_digits(parts[2]))
		return false;
	bool iso = strlen(parts[0]) == 4;
	date->month =
	    all_digits(parts[1]) ? (int)g_ascii_strtoll(parts[1], NULL, 10) : month_parse(parts[1]);
	if (iso) {
		date->year = (int)g_ascii_strtoll(parts[0], NULL, 10);
		date->day = (int)g_ascii_strtoll(parts[2], NULL, 10);
	} else {
		date->day = (int)g_ascii_strtoll(parts[0], NULL, 10);
		date->year =
		    year_complete((int)g_ascii_strtoll(parts[2], NULL, 10), strlen(parts[2]));
	}
	return date->has_day = date->has_month = date->has_year = date->month > 0;
}

static void token_take(char *token, struct date *date)
{
	if (strchr(token, ':') || (date->has_year && !date->has_time && strchr(token, '.'))) {
		if (!date->has_time && *token != '+' && *token != '-') {
			date->has_time = time_parse(token, date);
			return;
		}
	}
	if (all_digits(token) && number_take(token, date))
		return;
	if (!date->has_month && g_ascii_isalpha(token[0]) && month_parse(token) > 0) {
		date->month = month_parse(token);
		date->has_month = true;
	} else if (g_ascii_isdigit(token[0]) && !date->has_month) {
		dashed_take(token, date);
	} else if (date->has_time && !date->has_zone) {
		date->has_zone = zone_parse(token, &date->zone_minutes);
	}
}

bool date_parse(const char *text, size_t length, int64_t *ret_time)
{
	char tokens[TOKENS_MAX][TOKEN_LENGTH_MAX + 1] = {{0}};
	struct date date = {0};
	size_t count = tokens_split(text, length, tokens);

	for (size_t i = 0; i < count; i++)
		token_take(tokens[i], &date);
	if (!date.has_day || !date.has_month || !date.has_year || !date.has_time || date.year < 1)
		return false;

	g_autoptr(GDateTime) time = g_date_time_new_utc(date.year, date.month, date.day, date.hour,
							date.minute, date.second);
	if (!time)
		return false;
	*ret_time = g_date_time_to_unix(time) - (int64_t)date.zone_minutes * 60;
	return true;
}
