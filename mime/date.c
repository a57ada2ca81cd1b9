/*
 * Reads Date fields, strictly: what is not understood makes the whole field unreadable, since a
 * wrong date would be believed. GMime 3.2.13 passes over what it does not know (PM, "+9999",
 * "8.00.00"), so each field would have to be read and judged here before it gets it.
 */
#include "mime/header.h"

#include <glib.h>
#include <string.h>

enum { YEAR_MIN = 1900, YEAR_MAX = 9999, WORD_MAX = 20 };
/* From Baker Island to the Line Islands. */
enum { ZONE_MIN = -12 * 60, ZONE_MAX = 14 * 60 };

enum half { HALF_NONE, HALF_AM, HALF_PM };

struct date {
	int year, month, day;
	int hour, minute, second;
	int zone_minutes;
	enum half half;
	bool has_day, has_month, has_year, has_time, has_zone, has_offset;
};

struct reader {
	const char *at;
	const char *end;
	struct date date;
};

/* Zero behind the end: nothing that is looked for is that. */
static char peek(const struct reader *reader, size_t ahead)
{
	return (size_t)(reader->end - reader->at) > ahead ? reader->at[ahead] : '\0';
}

/* Bytes above 127 are letters: weekdays come in every language and charset. */
static bool is_word_character(char c)
{
	return g_ascii_isalpha(c) || (unsigned char)c >= 0x80;
}

/* Blanks, commas, comments and quotes. */
static void skip_filling(struct reader *reader)
{
	size_t depth = 0;

	for (; reader->at < reader->end; reader->at++) {
		char c = *reader->at;
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !(g_ascii_isspace(c) || c == ',' || c == '"' || c == '\0'))
			break;
	}
}

/* Up to `digits_max` digits; how many there are. */
static size_t read_number(struct reader *reader, size_t digits_max, int *ret_number)
{
	size_t digits = 0;
	int number = 0;

	for (; digits < digits_max && g_ascii_isdigit(peek(reader, 0)); digits++)
		number = number * 10 + (*reader->at++ - '0');
	*ret_number = number;
	return digits;
}

/* Each part may come once: of two, nobody could say which one counts. */
static bool take_day(struct date *date, int day)
{
	bool is_new = !date->has_day;

	date->day = day;
	date->has_day = true;
	return is_new;
}

static bool take_month(struct date *date, int month)
{
	bool is_new = !date->has_month;

	date->month = month;
	date->has_month = true;
	return is_new && month > 0;
}

/* RFC 5322, 4.3: two digits below 50 are 20xx, other two or three digits count from 1900. */
static bool take_year(struct date *date, int number, size_t digits)
{
	bool is_new = !date->has_year;

	date->year = number;
	if (digits == 2)
		date->year = number < 50 ? number + 2000 : number + 1900;
	else if (digits == 3)
		date->year = number + 1900;
	date->has_year = true;
	return is_new && digits >= 2 && date->year >= YEAR_MIN && date->year <= YEAR_MAX;
}

/* Three letters or more: "Sept" is as common as "Sep". */
static int month_parse(const char *word)
{
	static const char *const names[] = {"january",	 "february", "march",	 "april",
					    "may",	 "june",     "july",	 "august",
					    "september", "october",  "november", "december"};

	for (size_t i = 0; i < G_N_ELEMENTS(names) && strlen(word) >= 3; i++)
		if (g_str_has_prefix(names[i], word))
			return (int)i + 1;
	return 0;
}

/* ":30", ".30": false when none stands here. */
static bool read_time_part(struct reader *reader, char separator, int *ret_number)
{
	if (peek(reader, 0) != separator || !g_ascii_isdigit(peek(reader, 1)))
		return false;
	reader->at++;
	return read_number(reader, 2, ret_number) > 0;
}

/* Behind the hour. Fractions of a second are dropped. */
static bool read_time(struct reader *reader, int hour)
{
	struct date *date = &reader->date;
	bool is_new = !date->has_time;
	char separator = peek(reader, 0);

	date->has_time = true;
	date->hour = hour;
	if (!read_time_part(reader, separator, &date->minute))
		return false;
	if (read_time_part(reader, separator, &date->second) &&
	    (peek(reader, 0) == '.' || peek(reader, 0) == ',') && g_ascii_isdigit(peek(reader, 1)))
		for (reader->at++; g_ascii_isdigit(peek(reader, 0)); reader->at++)
			continue;
	bool ends = peek(reader, 0) != separator && !g_ascii_isdigit(peek(reader, 0));
	return is_new && ends && hour < 24 && date->minute < 60 && date->second <= 60;
}

/* Two numbers of which one is the day: which, only a number above 12 tells. */
static bool take_day_and_month(struct date *date, int first, int second, bool day_first)
{
	if (!day_first && first <= 12 && second <= 12 && first != second)
		return false;
	bool swapped = !day_first && second > 12;
	return take_day(date, swapped ? second : first) &&
	       take_month(date, swapped ? first : second);
}

/* "-Nov-", "-11-": the middle of a date. */
static bool read_middle(struct reader *reader, char separator, int *ret_number, bool *ret_is_name)
{
	char word[WORD_MAX] = "";
	size_t length = 0;

	reader->at++;
	*ret_is_name = g_ascii_isalpha(peek(reader, 0));
	if (*ret_is_name) {
		while (length + 1 < WORD_MAX && g_ascii_isalpha(peek(reader, 0)))
			word[length++] = g_ascii_tolower(*reader->at++);
		*ret_number = month_parse(word);
	} else if (read_number(reader, 2, ret_number) == 0) {
		return false;
	}
	return peek(reader, 0) == separator && g_ascii_isdigit(peek(reader, 1));
}

/* "2026-11-20T", "2026/11/20", "20-Nov-26", "20.11.2026", "11/20/2026": behind the first number. */
static bool read_joined_date(struct reader *reader, int first, size_t digits)
{
	struct date *date = &reader->date;
	char separator = *reader->at;
	int middle;
	int last;
	bool is_name;

	if (!read_middle(reader, separator, &middle, &is_name))
		return false;
	reader->at++;
	size_t last_digits = read_number(reader, 5, &last);
	if (peek(reader, 0) == 'T' && g_ascii_isdigit(peek(reader, 1)))
		reader->at++;
	if (digits == 4)
		return last_digits <= 2 && take_year(date, first, digits) &&
		       take_month(date, middle) && take_day(date, last);
	return digits <= 2 && take_year(date, last, last_digits) &&
	       take_day_and_month(date, first, middle, is_name || separator == '.');
}

/* "20261120T100000": behind the eight digits. */
static bool read_basic_form(struct reader *reader, int number)
{
	struct date *date = &reader->date;
	int time;

	reader->at++;
	size_t digits = read_number(reader, 6, &time);
	if (digits == 4)
		time *= 100;
	bool is_new = !date->has_time;
	date->has_time = true;
	date->hour = time / 10000;
	date->minute = time / 100 % 100;
	date->second = time % 100;
	return is_new && (digits == 4 || digits == 6) && date->hour < 24 && date->minute < 60 &&
	       date->second <= 60 && take_year(date, number / 10000, 4) &&
	       take_month(date, number / 100 % 100) && take_day(date, number % 100);
}

/* What a number means follows from its length, from what stands behind it, and from what is known. */
static bool read_digits(struct reader *reader)
{
	struct date *date = &reader->date;
	bool has_zero = *reader->at == '0';
	int number;
	size_t digits = read_number(reader, 8, &number);
	char next = peek(reader, 0);
	bool joins = g_ascii_isalnum(peek(reader, 1));

	if (next == ':' && digits <= 2)
		return read_time(reader, number);
	if (next == '.' && joins && date->has_month && digits <= 2)
		return read_time(reader, number);
	if ((next == '-' || next == '/' || next == '.') && joins && !date->has_month)
		return read_joined_date(reader, number, digits);
	if (next == 'T' && digits == 8)
		return read_basic_form(reader, number);
	if (next == '.')
		reader->at++;
	/* "029 Apr": scripts pad days. */
	if (!date->has_day && (digits <= 2 || (digits == 3 && has_zero)))
		return take_day(date, number);
	return digits <= 4 && take_year(date, number, digits);
}

/* "+0100", "+01:00", "+01", "+100", "+1". */
static bool read_offset(struct reader *reader)
{
	struct date *date = &reader->date;
	int sign = *reader->at++ == '-' ? -1 : 1;
	int number;
	int minutes = 0;
	size_t digits = read_number(reader, 5, &number);

	if (digits == 0 || digits > 4 || !date->has_time || date->has_offset)
		return false;
	if (digits > 2) {
		minutes = number % 100;
		number /= 100;
	} else if (peek(reader, 0) == ':') {
		reader->at++;
		if (read_number(reader, 2, &minutes) != 2)
			return false;
	}
	date->zone_minutes = sign * (number * 60 + minutes);
	date->has_zone = date->has_offset = true;
	return minutes < 60 && number < 24 && !g_ascii_isdigit(peek(reader, 0)) &&
	       date->zone_minutes >= ZONE_MIN && date->zone_minutes <= ZONE_MAX;
}

/* RFC 5322, 4.3 has UT, GMT and those of North America. Others are here where mail means one zone by
 * them: IST is that of India, of Israel and of Ireland. */
static bool zone_parse(const char *word, int *ret_minutes)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"ut", 0},	   {"utc", 0},	 {"gmt", 0},   {"z", 0},     {"est", -5},
		     {"edt", -4},  {"cst", -6},	 {"cdt", -5},  {"mst", -7},  {"mdt", -6},
		     {"pst", -8},  {"pdt", -7},	 {"wet", 0},   {"west", 1},  {"bst", 1},
		     {"cet", 1},   {"met", 1},	 {"mez", 1},   {"cest", 2},  {"mest", 2},
		     {"mesz", 2},  {"eet", 2},	 {"eest", 3},  {"msk", 3},   {"hkt", 8},
		     {"sgt", 8},   {"jst", 9},	 {"kst", 9},   {"aest", 10}, {"aedt", 11},
		     {"nzst", 12}, {"nzdt", 13}, {"hst", -10}, {"akst", -9}, {"akdt", -8}};

	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
		if (strcmp(word, zones[i].name) == 0) {
			*ret_minutes = zones[i].hours * 60;
			return true;
		}
	}
	/* Military letters were defined wrongly once and mean nothing: RFC 5322, 4.3. */
	*ret_minutes = 0;
	return word[0] && word[1] == '\0';
}

/* "PM", "p.m.": the dots are no part of the word. */
static bool take_half(struct reader *reader, const char *word)
{
	struct date *date = &reader->date;
	bool dotted = word[0] && !word[1] && peek(reader, 0) == '.' &&
		      g_ascii_tolower(peek(reader, 1)) == 'm';

	if (!date->has_time || date->half != HALF_NONE ||
	    !(dotted || (word[0] && word[1] == 'm' && !word[2])))
		return false;
	if (word[0] != 'a' && word[0] != 'p')
		return false;
	if (dotted)
		reader->at += peek(reader, 2) == '.' ? 3 : 2;
	date->half = word[0] == 'a' ? HALF_AM : HALF_PM;
	return true;
}

static bool take_word(struct reader *reader, const char *word)
{
	struct date *date = &reader->date;

	if (take_half(reader, word))
		return true;
	if (peek(reader, 0) == '.')
		reader->at++;
	if (month_parse(word) > 0)
		return take_month(date, month_parse(word));
	if (date->has_time && !date->has_zone)
		return date->has_zone = zone_parse(word, &date->zone_minutes);
	/* The weekday, in any language; "at 10:00"; a name behind the zone. */
	return date->has_zone || !(date->has_day || date->has_month || date->has_year) ||
	       strcmp(word, "at") == 0;
}

static bool read_word(struct reader *reader)
{
	char word[WORD_MAX] = "";
	size_t length = 0;

	for (; is_word_character(peek(reader, 0)); reader->at++)
		if (length + 1 < WORD_MAX)
			word[length++] = g_ascii_tolower(*reader->at);
	return take_word(reader, word);
}

/* A character that begins none of the three makes the field unreadable. */
static bool read_piece(struct reader *reader)
{
	char c = *reader->at;

	if (g_ascii_isdigit(c))
		return read_digits(reader);
	if (c == '+' || c == '-')
		return read_offset(reader);
	return is_word_character(c) && read_word(reader);
}

/* "12 AM" is midnight, "12 PM" noon; "22:00 PM" says the same twice. */
static bool apply_half(struct date *date)
{
	if (date->half == HALF_AM && date->hour > 12)
		return false;
	if (date->half == HALF_AM)
		date->hour %= 12;
	else if (date->half == HALF_PM && date->hour < 12)
		date->hour += 12;
	return true;
}

bool date_parse(const char *text, size_t length, int64_t *ret_time, bool *ret_has_zone)
{
	struct reader reader = {.at = text, .end = text + length};
	struct date *date = &reader.date;

	for (skip_filling(&reader); reader.at < reader.end; skip_filling(&reader))
		if (!read_piece(&reader))
			return false;
	if (!date->has_day || !date->has_month || !date->has_year || !date->has_time ||
	    !apply_half(date))
		return false;

	g_autoptr(GDateTime) time =
	    g_date_time_new_utc(date->year, date->month, date->day, date->hour, date->minute, 0);
	if (!time)
		return false;
	/* A leap second has no number of its own: it counts as the second before it. */
	*ret_time =
	    g_date_time_to_unix(time) + MIN(date->second, 59) - (int64_t)date->zone_minutes * 60;
	*ret_has_zone = date->has_zone;
	return true;
}
