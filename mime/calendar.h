/*
 * calendar.h - what the calendars of a message announce (RFC 5545, 5546, 6047).
 *
 * Rules: one row for each event, task or busy time; equal ones count once; those of forwarded
 *        messages do not count. A time in a zone that the calendar does not define stays local,
 *        with a defect, so that no time is silently wrong.
 * Caps:  CALENDAR_BYTES_MAX of a calendar, CALENDAR_EVENTS_MAX rows of a message,
 *        CALENDAR_PEOPLE_MAX of an event, CALENDAR_RULES_MAX rules of its zones, and those of its
 *        lines below.
 */
#ifndef MIME_CALENDAR_H
#define MIME_CALENDAR_H

#include "mime/part.h"

#include <glib.h>
#include <stdbool.h>

enum {
	CALENDAR_BYTES_MAX = 1024 * 1024,
	CALENDAR_EVENTS_MAX = 100,
	CALENDAR_PEOPLE_MAX = 500,
	CALENDAR_RULES_MAX = 50
};

/* Makes libical ready, once per process. */
void calendar_open(void);

/* Reads all calendars from `root` on into the message. */
void calendars_read(const struct part *root, struct mime_output *output, struct defects *defects,
		    struct mime_message *message);

/* --- the lines of a calendar ------------------------------------------------- */
/*
 * The lines of a calendar as libical may be given them.
 *
 * Rules: folded lines are joined, blank ones go. A zone's rule that is no yearly one goes, since
 *        working it out could take for ever, and so do what begins before 1601, and rules beyond
 *        those that the caller has left. The calendar ends at CALENDAR_LINES_MAX lines, where
 *        CALENDAR_COMPONENTS_MAX components have begun, and where one would begin that is nested
 *        deeper than CALENDAR_DEPTH_MAX; those open are then closed.
 */

enum { CALENDAR_LINES_MAX = 20000, CALENDAR_COMPONENTS_MAX = 1000, CALENDAR_DEPTH_MAX = 8 };

struct calendar_lines {
	GString *text;
	bool capped;
	bool odd_zone; /* a line of a zone has gone */
};

/* Reads UTF-8 whose lines end in a newline, and counts *rules_left down; release with
 * calendar_lines_clear(). */
struct calendar_lines calendar_lines_read(const char *text, unsigned *rules_left);
void calendar_lines_clear(struct calendar_lines *lines);

#endif
