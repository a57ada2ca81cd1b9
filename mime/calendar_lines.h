/*
 * calendar_lines.h - the lines of a calendar as libical may be given them.
 *
 * Rules: folded lines are joined, blank ones go. A zone's rule that is no yearly one goes, since
 *        working it out could take for ever, and so do what begins before 1601, and rules beyond
 *        those that the caller has left. The calendar ends at CALENDAR_LINES_MAX lines, where
 *        CALENDAR_COMPONENTS_MAX components have begun, and where one would begin that is nested
 *        deeper than CALENDAR_DEPTH_MAX; those open are then closed.
 */
#ifndef MIME_CALENDAR_LINES_H
#define MIME_CALENDAR_LINES_H

#include <glib.h>
#include <stdbool.h>

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
