/*
 * charset.h - the character sets of mail, and conversion to UTF-8.
 *
 * Life:    charset_open() once, before a sandbox: glibc loads a module per charset;
 *          charset_close(). A conversion: conversion_init(), pieces through the sink,
 *          conversion_finish().
 * Rules:   as the web reads labels (WHATWG Encoding): iso-8859-1 is windows-1252, gb2312 is
 *          gb18030, shift_jis is cp932, euc-kr is uhc; us-ascii is UTF-8 without the upper half.
 * Errors:  a conversion counts what it cannot read and puts U+FFFD in its place; above its limit it
 *          is `failed` and swallows the rest.
 * Threads: one at a time; one conversion at a time per charset.
 */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include "mime/defects.h"
#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* --- seven-bit encodings ----------------------------------------------------- */
/*
 * Seven-bit encodings with shifts, turned into their eight-bit forms.
 *
 * ISO-2022-JP becomes EUC-JP and HZ becomes GB 2312 in EUC form. glibc has no HZ, and its
 * ISO-2022-JP refuses the circled digits and half-width kana that Japanese mail is full of, while
 * EUC-JP-MS takes them.
 *
 * Source: RFC 1468, RFC 2237, RFC 1843.
 */

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

struct charset;

struct conversion {
	struct sink sink; /* write here */
	struct sink *next;
	const struct charset *charset;
	struct charset_shift shift;
	uint64_t errors;
	uint64_t errors_max;
	bool failed;
	size_t held_length;
	unsigned char held[16]; /* the start of a character whose rest is still to come */
};

/* 0, or -1 when UTF-8 or windows-1252 cannot be converted on this machine. */
int charset_open(void);
void charset_close(void);

/* By any name or alias, in any case, with any punctuation; NULL when unknown. */
const struct charset *charset_find(const char *name);

const char *charset_name(const struct charset *charset);

/* us-ascii: says nothing about bytes above 127. */
bool charset_is_ascii(const struct charset *charset);

/* More than one byte per character, so that its rules tell it from others. */
bool charset_is_utf8(const struct charset *charset);
bool charset_is_multibyte(const struct charset *charset);

/* UTF-16 or UTF-32: bytes below 128 are not ASCII characters. */
bool charset_is_wide(const struct charset *charset);

/* Uses escape sequences. */
bool charset_is_shifted(const struct charset *charset);

void conversion_init(struct conversion *conversion, const struct charset *charset,
		     uint64_t errors_max, struct sink *next);

/* True when everything could be read within the limit. */
bool conversion_finish(struct conversion *conversion);

/* --- which charset bytes are in ---------------------------------------------- */
/*
 * Which charset bytes are in, when their label may be missing or wrong.
 *
 * Order: a byte order mark; the label, where everything reads in it; UTF-8, where everything reads;
 *        the label of a multi-byte charset, where nearly everything reads; what detection says;
 *        windows-1252.
 * Life:  charset_choice_open() once, charset_choice_close().
 */

/* Bytes that can be gone through again and again. */
struct text_source {
	void (*feed)(struct text_source *source, struct sink *sink);
};

struct charset_choice {
	const struct charset *charset;
	uint64_t errors_max;
};

int charset_choice_open(void);
void charset_choice_close(void);

/*
 * `label` may be NULL; `hint` (may be NULL) is tried in place of detection where there is no label.
 * `what`
 * ("the text", "field Subject") names the bytes in defects.
 */
struct charset_choice charset_choose(struct text_source *source, const char *label,
				     const char *hint, const char *what, struct defects *defects);

/* Converts the source into the sink as chosen. */
void charset_convert(struct text_source *source, struct charset_choice choice, struct sink *sink);

/* Converts bytes in memory to clean UTF-8. Caller frees. */
char *charset_text(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects);

/* The same, as one line. */
char *charset_line(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects);

/* For unlabelled bytes in memory: the choice, and what the bytes are by it. */
struct charset_choice charset_choose_bytes(const char *bytes, size_t length, const char *hint,
					   const char *what, struct defects *defects);
void charset_append(GString *text, const char *bytes, size_t length, struct charset_choice choice);

/* True when the label is known and everything reads in it. */
bool charset_reads(const char *bytes, size_t length, const char *label);

/* The name of the charset of bytes that have no label and are not UTF-8. */
const char *charset_guess(const char *bytes, size_t length, const char *hint);

/* --- labels that name a script ----------------------------------------------- */
/*
 * Texts whose label names their script and not their bytes: Shift-JIS under
 * ISO-2022-JP, UTF-16 without a byte order mark.
 */

/* True when no more than `errors_max` places cannot be read. */
bool charset_form_reads(struct text_source *source, const struct charset *charset,
			uint64_t errors_max);

/* Does the text switch to Japanese as ISO-2022-JP does, with ESC $ B or ESC $ @? */
bool charset_form_has_shifts(struct text_source *source);

/*
 * What stands under the label of a seven-bit charset when its bytes have eight: another form of the
 * same script. NULL when `charset` is no such label, or the text is none of its script's forms. The
 * caller has seen that there are bytes above 127.
 */
const struct charset *charset_form_eight_bit(struct text_source *source,
					     const struct charset *charset);

/*
 * Which form of UTF-16 it is, where the label leaves that to a byte order mark and there is none;
 * UTF-8 where it is ASCII. `charset` is a wide one.
 */
const struct charset *charset_form_wide(struct text_source *source, const struct charset *charset);

/* --- numbers of Windows ------------------------------------------------------ */
/*
 * Charsets by the numbers that Windows gives them.
 */

/* The label that charset_find() knows; NULL for a number without one. Static. */
const char *code_page_label(unsigned code_page);

/* The code page of an RTF font's \fcharset; 0 where it names none. */
unsigned code_page_of_font(unsigned font_charset);

#endif
