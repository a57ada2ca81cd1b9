/*
 * date.h - the Date field (RFC 5322, section 3.3 and its obsolete forms; RFC 850 and ctime by
 * kindness).
 *
 * Units:     seconds since 1970-01-01 UTC.
 */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a date and time. Weekday, seconds and zone may be missing (UTC then), comments are skipped,
 * years may have two digits. Returns false, and writes nothing, when it is no date.
 */
bool date_parse(const char *text, size_t length, int64_t *ret_time);

#endif
