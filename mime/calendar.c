/* libical takes a calendar apart; here its components become rows. Zones are looked for in the
 * calendar alone: libical's own lie in files. */
#include "mime/calendar.h"

#include "mime/sink.h"
#include "mime/text.h"

#include <libical/ical.h>
#include <string.h>

enum { LINE_BYTES_MAX = 4096, TIME_BYTES = 32 };

/* A calendar under way. */
struct reader {
	icalcomponent *calendar;
	struct defects *defects;
	char *method;
	GArray *rows; /* of struct mime_calendar, of the message */
	unsigned rules_left;
};

void calendar_open(void)
{
	/* It may have been built to abort at an error. */
	icalerror_set_errors_are_fatal(false);
	ical_set_unknown_token_handling_setting(ICAL_ASSUME_IANA_TOKEN);
	/* It reads a list of zones in a file when it first meets UTC. */
	(void)icaltimezone_get_utc_timezone();
}

/* An empty text says as little as none. */
static char *line_of(const char *text)
{
	if (!text)
		return NULL;
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	char *line = clean_line(valid, LINE_BYTES_MAX);
	if (!*line)
		g_clear_pointer(&line, g_free);
	return line;
}

static icalproperty *first(icalcomponent *component, icalproperty_kind kind)
{
	return icalcomponent_get_first_property(component, kind);
}

/* --- times ------------------------------------------------------------------- */

/* Without an offset and a beginning a zone says nothing, and its times stay local. */
static bool defines_offset(icalcomponent *zone)
{
	for (icalcomponent *rule = icalcomponent_get_first_component(zone, ICAL_ANY_COMPONENT);
	     rule; rule = icalcomponent_get_next_component(zone, ICAL_ANY_COMPONENT))
		if (first(rule, ICAL_TZOFFSETTO_PROPERTY) && first(rule, ICAL_DTSTART_PROPERTY))
			return true;
	return false;
}

/* Names are those of this calendar alone, whatever libical knows by them. */
static icaltimezone *zone_find(const struct reader *reader, const char *name)
{
	icaltimezone *zone = icalcomponent_get_timezone(reader->calendar, name);

	return zone && defines_offset(icaltimezone_get_component(zone)) ? zone : NULL;
}

/* RFC 3339, without an offset where the time is local. What cannot be on a calendar is no time. */
static char *time_format(struct icaltimetype time)
{
	const char *end = icaltime_is_utc(time) ? "Z" : "";

	if (icaltime_is_null_time(time) || !icaltime_is_valid_time(time))
		return NULL;
	if (time.is_date)
		return g_strdup_printf("%04d-%02d-%02d", time.year, time.month, time.day);
	return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d%s", time.year, time.month, time.day,
			       time.hour, time.minute, time.second, end);
}

/* libical takes any number for a month or an hour, and would count on from there. */
static bool is_out_of_range(struct icaltimetype time)
{
	return time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31 ||
	       time.hour > 23 || time.minute > 59 || time.second > 60 || time.year < 1 ||
	       time.year > 9999;
}

/* In UTC where the zone is known. */
static struct icaltimetype time_of(const struct reader *reader, icalproperty *property)
{
	struct icaltimetype time = icalvalue_get_datetime(icalproperty_get_value(property));
	icalparameter *parameter = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);
	const char *name = parameter ? icalparameter_get_tzid(parameter) : NULL;

	if (is_out_of_range(time)) {
		defects_add(reader->defects, "calendar: time of %s cannot be",
			    icalproperty_get_property_name(property));
		return icaltime_null_time();
	}
	if (time.is_date || icaltime_is_utc(time) || !name)
		return time;
	icaltimezone *zone = zone_find(reader, name);
	if (!zone) {
		defects_add(reader->defects,
			    "calendar: time zone '%s' unknown; its times are local", name);
		return time;
	}
	return icaltime_convert_to_zone(icaltime_set_timezone(&time, zone),
					icaltimezone_get_utc_timezone());
}

/* A period, for instance, is a value as well, and has no one time. */
static bool is_time(icalproperty *property)
{
	const icalvalue *value = icalproperty_get_value(property);
	icalvalue_kind kind = value ? icalvalue_isa(value) : ICAL_NO_VALUE;

	return kind == ICAL_DATETIME_VALUE || kind == ICAL_DATE_VALUE;
}

/* A task is due where an event ends, and an event may have a length instead of an end. */
static void times_read(const struct reader *reader, icalcomponent *component,
		       struct mime_calendar *row)
{
	icalproperty *start = first(component, ICAL_DTSTART_PROPERTY);
	icalproperty *end = first(component, ICAL_DTEND_PROPERTY);
	icalproperty *duration = first(component, ICAL_DURATION_PROPERTY);
	struct icaltimetype from = icaltime_null_time();

	if (!end)
		end = first(component, ICAL_DUE_PROPERTY);
	if (start && is_time(start))
		from = time_of(reader, start);
	row->starts_at = time_format(from);
	if (end && is_time(end))
		row->ends_at = time_format(time_of(reader, end));
	else if (duration && row->starts_at)
		row->ends_at = time_format(icaltime_add(from, icalproperty_get_duration(duration)));
	if (!row->starts_at && icalcomponent_isa(component) == ICAL_VEVENT_COMPONENT)
		defects_add(reader->defects, "calendar: an event without a start");
}

/* --- people ------------------------------------------------------------------ */

/* Any other scheme stays as it is written. */
static const char *address_of(const char *uri)
{
	static const char scheme[] = "mailto:";

	if (!uri)
		return "";
	return g_ascii_strncasecmp(uri, scheme, strlen(scheme)) == 0 ? uri + strlen(scheme) : uri;
}

/* "Name <address>" */
static char *person_format(icalproperty *property, const char *uri)
{
	icalparameter *parameter = icalproperty_get_first_parameter(property, ICAL_CN_PARAMETER);
	g_autofree char *name = line_of(parameter ? icalparameter_get_cn(parameter) : NULL);
	g_autofree char *address = line_of(address_of(uri));

	if (!name || !address || strcmp(name, address) == 0)
		return g_strdup(address ? address : name);
	return g_strdup_printf("%s <%s>", name, address);
}

/* More people than CALENDAR_PEOPLE_MAX are left out, so that a row has an end. */
static char *attendees_of(icalcomponent *component)
{
	g_autoptr(GString) list = g_string_new(NULL);
	unsigned count = 0;

	for (icalproperty *property = first(component, ICAL_ATTENDEE_PROPERTY);
	     property && count < CALENDAR_PEOPLE_MAX;
	     property = icalcomponent_get_next_property(component, ICAL_ATTENDEE_PROPERTY)) {
		g_autofree char *person =
		    person_format(property, icalproperty_get_attendee(property));
		if (person)
			g_string_append_printf(list, "%s%s", count++ > 0 ? "; " : "", person);
	}
	return count > 0 ? g_strdup(list->str) : NULL;
}

/* --- rows -------------------------------------------------------------------- */

/* By all texts: two events with one UID are two rows where they differ, as for a changed date. */
static bool rows_equal(struct mime_calendar *a, struct mime_calendar *b)
{
	for (size_t i = 0; mime_calendar_text_at(a, i); i++)
		if (g_strcmp0(*mime_calendar_text_at(a, i), *mime_calendar_text_at(b, i)) != 0)
			return false;
	return true;
}

/* The same invitation often comes twice in one mail: as a body, and as a file. */
static bool is_known(const struct reader *reader, struct mime_calendar *row)
{
	for (guint i = 0; i < reader->rows->len; i++)
		if (rows_equal(&g_array_index(reader->rows, struct mime_calendar, i), row))
			return true;
	return false;
}

/* The value itself: as a string of the calendar it would be escaped. */
static char *text_of(icalcomponent *component, icalproperty_kind kind)
{
	icalproperty *property = first(component, kind);
	const icalvalue *value = property ? icalproperty_get_value(property) : NULL;

	return line_of(value ? icalvalue_get_text(value) : NULL);
}

static void component_read(struct reader *reader, icalcomponent *component)
{
	struct mime_calendar row = {.method = g_strdup(reader->method),
				    .uid = text_of(component, ICAL_UID_PROPERTY),
				    .summary = text_of(component, ICAL_SUMMARY_PROPERTY),
				    .location = text_of(component, ICAL_LOCATION_PROPERTY),
				    .attendees = attendees_of(component)};
	icalproperty *organizer = first(component, ICAL_ORGANIZER_PROPERTY);

	if (organizer)
		row.organizer = person_format(organizer, icalproperty_get_organizer(organizer));
	times_read(reader, component, &row);
	if (reader->rows->len >= CALENDAR_EVENTS_MAX || is_known(reader, &row))
		mime_calendar_clear(&row);
	else
		g_array_append_val(reader->rows, row);
}

/* Zones and alarms are components, too, and announce nothing. */
static bool is_row(icalcomponent *component)
{
	icalcomponent_kind kind = icalcomponent_isa(component);

	return kind == ICAL_VEVENT_COMPONENT || kind == ICAL_VTODO_COMPONENT ||
	       kind == ICAL_VFREEBUSY_COMPONENT || kind == ICAL_VJOURNAL_COMPONENT;
}

/* The calendar's own word counts; RFC 6047, 2.4, has the same in the field. */
static char *method_of(icalcomponent *calendar, const struct part *part)
{
	icalproperty *property = first(calendar, ICAL_METHOD_PROPERTY);
	g_autofree char *method = line_of(property ? icalproperty_get_value_as_string(property)
						   : parameters_bytes(part->content, "method"));

	return method ? g_ascii_strup(method, -1) : NULL;
}

static void calendar_read(struct reader *reader, icalcomponent *calendar, const struct part *part)
{
	reader->calendar = calendar;
	reader->method = method_of(calendar, part);
	/* Children are collected first: looking for a zone moves libical's place among them. */
	g_autoptr(GPtrArray) components = g_ptr_array_new();
	for (icalcomponent *component =
		 icalcomponent_get_first_component(calendar, ICAL_ANY_COMPONENT);
	     component; component = icalcomponent_get_next_component(calendar, ICAL_ANY_COMPONENT))
		if (is_row(component))
			g_ptr_array_add(components, component);
	for (guint i = 0; i < components->len; i++)
		component_read(reader, g_ptr_array_index(components, i));
	g_clear_pointer(&reader->method, g_free);
}

/* --- parts ------------------------------------------------------------------- */

/* Several calendars in one text come below a root that libical makes up. */
static void root_read(struct reader *reader, icalcomponent *root, const struct part *part)
{
	int errors = root ? icalcomponent_count_errors(root) : 0;
	bool found = false;

	if (errors > 0)
		defects_add(reader->defects, "calendar: properties that cannot be read: %d",
			    errors);
	if (root && icalcomponent_isa(root) == ICAL_VCALENDAR_COMPONENT) {
		calendar_read(reader, root, part);
		return;
	}
	for (icalcomponent *calendar =
		 root ? icalcomponent_get_first_component(root, ICAL_VCALENDAR_COMPONENT) : NULL;
	     calendar;
	     calendar = icalcomponent_get_next_component(root, ICAL_VCALENDAR_COMPONENT)) {
		calendar_read(reader, calendar, part);
		found = true;
	}
	if (!found)
		defects_add(reader->defects, "calendar: there is none in %s", part->type);
}

static void text_read(struct reader *reader, const char *text, const struct part *part)
{
	struct calendar_lines lines = calendar_lines_read(text, &reader->rules_left);
	icalcomponent *root = icalparser_parse_string(lines.text->str);

	if (lines.capped)
		defects_add(reader->defects, "calendar: too long or too deep; its end is not read");
	if (lines.odd_zone)
		defects_add(reader->defects, "calendar: a rule of a time zone cannot be followed");
	root_read(reader, root, part);
	if (root)
		icalcomponent_free(root);
	icalmemory_free_ring();
	calendar_lines_clear(&lines);
}

/* Read as a text part, whose code knows transfer encodings and charsets; what that writes is
 * taken back. A calendar without a charset is UTF-8 (RFC 5545, 3.1.4). */
static void part_read(struct reader *reader, const struct part *part, struct mime_output *output)
{
	struct mime_content content;
	uint64_t start = mime_output_tell(output);
	const char *charset = parameters_bytes(part->content, "charset");
	g_autofree char *field =
	    g_strdup_printf("; charset=%s", charset && *charset ? charset : "utf-8");

	if (part->end - part->begin > (uint64_t)2 * CALENDAR_BYTES_MAX) {
		defects_add(reader->defects, "calendar: larger than 1 MB; not read");
		return;
	}
	struct part *text_part = part_new(part->input, "text/plain", part->begin, part->end);
	parameters_free(text_part->content);
	text_part->content = parameters_parse(field, strlen(field));
	text_part->transfer = part->transfer;
	text_store(text_part, output, reader->defects, &content);
	part_free(text_part);
	g_autofree char *text = g_malloc0(content.size + 1);
	for (uint64_t at = 0; at < content.size;) {
		size_t n = output_read(output, content.offset + at, text + at,
				       (size_t)(content.size - at));
		if (n == 0)
			break;
		at += n;
	}
	output_rewind(output, start);
	text_read(reader, text, part);
}

static bool is_calendar(const struct part *part)
{
	return part_is(part, "text/calendar") || part_is(part, "application/ics");
}

/* What a forwarded message announces is its own reader's business. */
static void walk(struct reader *reader, const struct part *part, struct mime_output *output)
{
	if (part->is_forwarded)
		return;
	for (guint i = 0; i < part->children->len; i++)
		walk(reader, g_ptr_array_index(part->children, i), output);
	if (!part->is_multipart && is_calendar(part))
		part_read(reader, part, output);
}

void calendars_read(const struct part *root, struct mime_output *output, struct defects *defects,
		    struct mime_message *message)
{
	struct reader reader = {.defects = defects,
				.rules_left = CALENDAR_RULES_MAX,
				.rows = g_array_new(FALSE, FALSE, sizeof(struct mime_calendar))};

	walk(&reader, root, output);
	message->calendar_count = reader.rows->len;
	message->calendars = (void *)g_array_free(reader.rows, FALSE);
}
