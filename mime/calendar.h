/*
 * calendar.h - what the calendars of a message announce (RFC 5545, 5546, 6047).
 *
 * Rules: one row for each event, task or busy time; equal ones count once; those of
 *        forwarded messages do not. A time in a zone that
 *        the calendar does not define stays local, with a defect; so no time is silently wrong.
 * Caps:  CALENDAR_BYTES_MAX of a calendar, CALENDAR_EVENTS_MAX rows of a message,
 *        CALENDAR_PEOPLE_MAX of an event, CALENDAR_RULES_MAX rules of its zones, and those of calendar_lines.h.
 */
#ifndef MIME_CALENDAR_H
#define MIME_CALENDAR_H

#include "mime/part.h"

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

#endif
