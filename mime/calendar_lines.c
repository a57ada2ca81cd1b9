/* Line by line, with the names of the components that are open. */
#include "mime/calendar.h"

#include <string.h>

struct reader {
	struct calendar_lines *lines;
	GPtrArray *open; /* names of components */
	unsigned count;
	unsigned components;
	unsigned *rules_left;
};

static char *unfolded(const char *text)
{
	GString *joined = g_string_new(NULL);

	for (; *text; text++) {
		if (*text == '\n' && (text[1] == ' ' || text[1] == '\t'))
			text++;
		else
			g_string_append_c(joined, *text);
	}
	return g_string_free(joined, FALSE);
}

static bool starts_with(const char *line, const char *word)
{
	return g_ascii_strncasecmp(line, word, strlen(word)) == 0;
}

static bool is_in_zone(const struct reader *reader)
{
	for (guint i = 0; i < reader->open->len; i++)
		if (g_ascii_strcasecmp(g_ptr_array_index(reader->open, i), "VTIMEZONE") == 0)
			return true;
	return false;
}

/* "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU": a day of the year, or a few of which one counts. */
static bool is_yearly(const char *line)
{
	static const char *const unusual[] = {"BYHOUR",	  "BYMINUTE",  "BYSECOND", "BYSETPOS",
					      "BYWEEKNO", "BYYEARDAY", "RSCALE"};
	g_autofree char *rule = g_ascii_strup(line, -1);
	const char *day = strstr(rule, "BYDAY=");
	const char *month_day = strstr(rule, "BYMONTHDAY=");
	size_t days = month_day ? strcspn(month_day, ";") : 0;
	unsigned commas = 0;

	for (const char *c = rule; *c; c++)
		if (*c == ',') {
			commas++;
			if (c < month_day || c > month_day + days)
				return false;
		}
	for (size_t i = 0; i < G_N_ELEMENTS(unusual); i++)
		if (strstr(rule, unusual[i]))
			return false;
	if (day && !month_day && g_ascii_isalpha(day[strlen("BYDAY=")]))
		return false;
	return strstr(rule, "FREQ=YEARLY") && strstr(rule, "BYMONTH=") && commas < 7;
}

/* What Outlook writes for "always", 1601, takes long to count from. */
static bool is_always(const char *line)
{
	return starts_with(line, "DTSTART:1601");
}

/* libical counts the years from there one by one. */
static bool is_before_always(const char *line)
{
	return starts_with(line, "DTSTART") && strchr(line, ':') &&
	       strncmp(strchr(line, ':') + 1, "1601", 4) < 0;
}

/* False for a line of a zone that is left out. */
static bool zone_line_take(struct reader *reader, const char *line)
{
	if (starts_with(line, "RRULE")) {
		if (!is_yearly(line) || *reader->rules_left == 0)
			return false;
		--*reader->rules_left;
	}
	if (is_before_always(line))
		return false;
	/* 1970 is before any mail, and not far to count from. */
	if (is_always(line))
		g_string_append_printf(reader->lines->text, "DTSTART:1970%s\r\n",
				       line + strlen("DTSTART:1601"));
	else
		g_string_append_printf(reader->lines->text, "%s\r\n", line);
	return true;
}

static bool component_begin(struct reader *reader, const char *name)
{
	if (reader->open->len >= CALENDAR_DEPTH_MAX ||
	    reader->components >= CALENDAR_COMPONENTS_MAX)
		return false;
	reader->components++;
	g_ptr_array_add(reader->open, g_strstrip(g_strdup(name)));
	return true;
}

/* False where the calendar ends. */
static bool line_take(struct reader *reader, const char *line)
{
	if (!*line)
		return true;
	if (++reader->count > CALENDAR_LINES_MAX)
		return false;
	if (starts_with(line, "BEGIN:") && !component_begin(reader, line + strlen("BEGIN:")))
		return false;
	if (starts_with(line, "END:")) {
		/* An end without a beginning is left out. */
		if (reader->open->len == 0)
			return true;
		g_ptr_array_set_size(reader->open, (gint)reader->open->len - 1);
	}
	if (is_in_zone(reader))
		reader->lines->odd_zone |= !zone_line_take(reader, line);
	else
		g_string_append_printf(reader->lines->text, "%s\r\n", line);
	return true;
}

struct calendar_lines calendar_lines_read(const char *text, unsigned *rules_left)
{
	struct calendar_lines lines = {.text = g_string_new(NULL)};
	g_autoptr(GPtrArray) open = g_ptr_array_new_with_free_func(g_free);
	struct reader reader = {.lines = &lines, .open = open, .rules_left = rules_left};
	g_autofree char *whole = unfolded(text);
	g_auto(GStrv) each = g_strsplit(whole, "\n", -1);

	for (char **line = each; *line && !lines.capped; line++)
		lines.capped = !line_take(&reader, *line);
	/* A calendar that is cut off is still read as far as it goes. */
	while (open->len > 0) {
		const char *name = g_ptr_array_index(open, open->len - 1);
		g_string_append_printf(lines.text, "END:%s\r\n", name);
		g_ptr_array_set_size(open, (gint)open->len - 1);
	}
	return lines;
}

void calendar_lines_clear(struct calendar_lines *lines)
{
	g_string_free(lines->text, TRUE);
}
