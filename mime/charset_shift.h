/*
 * charset_shift.h - seven-bit encodings with shifts, turned into their eight-bit forms.
 *
 * ISO-2022-JP becomes EUC-JP and HZ becomes GB 2312 in EUC form. glibc has no HZ, and its
 * ISO-2022-JP refuses the circled digits and half-width kana that Japanese mail is full of, while
 * EUC-JP-MS takes them.
 *
 * Source: RFC 1468, RFC 2237, RFC 1843.
 */
#ifndef MIME_CHARSET_SHIFT_H
#define MIME_CHARSET_SHIFT_H

#include <glib.h>

enum charset_shift_kind { SHIFT_NONE, SHIFT_JIS, SHIFT_HZ };

struct charset_shift {
	int mode;
	unsigned char sequence[4]; /* an escape sequence under way */
	size_t sequence_length;
};

/* Room for the eight-bit form of so many bytes. */
static inline size_t charset_shift_room(size_t length)
{
	return 2 * length + sizeof(((struct charset_shift *)NULL)->sequence);
}

/* Writes the eight-bit form of `bytes` and returns its length; sequences may be split over calls.
 */
size_t charset_shift_decode(struct charset_shift *shift, enum charset_shift_kind kind,
			    const unsigned char *bytes, size_t length, unsigned char *eight_bit);

#endif
