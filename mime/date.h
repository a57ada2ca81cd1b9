/*
 * date.h - the Date field (RFC 5322, section 3.3 and its obsolete forms; RFC 850, ctime, ISO 8601
 * and what scripts write by kindness).
 *
 * Units: seconds since 1970-01-01 UTC.
 */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a date and time. Weekday, seconds and zone may be missing (UTC then), comments are skipped,
 * years may have two digits. Returns false, and writes nothing, when it is no date, or when
 * something in it is not understood: an unknown or impossible zone, a day that may be a month
 * (3/4/2026).
 */
bool date_parse(const char *text, size_t length, int64_t *ret_time, bool *ret_has_zone);

#endif
