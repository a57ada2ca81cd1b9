/*
 * value_internal.h - how times and digests are written in the database.
 *
 * Times: RFC 3339 UTC; a time outside the years 0000 to 9999 becomes the nearest one inside. Pure
 *        functions without errors.
 */
#ifndef QUEUE_VALUE_INTERNAL_H
#define QUEUE_VALUE_INTERNAL_H

#include <stdint.h>

#define VALUE_TIME_MAX	 32 /* bytes of a time with its NUL */
#define VALUE_SHA256_MAX 65 /* bytes of a digest in hexadecimal with its NUL */

/* "2026-01-31T12:00:00.000Z"; milliseconds since 1970-01-01 UTC. */
void value_format_time_ms(int64_t time_ms, char text[VALUE_TIME_MAX]);

/* "2026-01-31T12:00:00Z"; seconds since 1970-01-01 UTC. */
void value_format_time_s(int64_t time_s, char text[VALUE_TIME_MAX]);

/* The inverse, of either form; 0 for NULL and for what is no time. */
int64_t value_parse_time_ms(const char *text);
int64_t value_parse_time_s(const char *text);

/* 64 lower-case hexadecimal digits. */
void value_format_sha256(const unsigned char sha256[32], char text[VALUE_SHA256_MAX]);

/* The inverse; zeros for NULL and for what is no digest. */
void value_parse_sha256(const char *text, unsigned char ret_sha256[32]);

#endif
