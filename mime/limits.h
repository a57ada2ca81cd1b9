/*
 * limits.h - how much of a message is looked at where nobody says otherwise.
 *
 * The only place that knows these numbers: mime_options_default() has them, and the loader's help
 * prints them.
 */
#ifndef MIME_LIMITS_H
#define MIME_LIMITS_H

#define MIME_MAX_HEADER_KB 256	/* KiB of a header block */
#define MIME_MAX_HEADERS   2000 /* fields of the message */
#define MIME_MAX_PARTS	   1000
#define MIME_MAX_DEPTH	   50	/* of parts in parts */
#define MIME_MAX_BOUNDARY  2048 /* bytes of a boundary */

#endif
