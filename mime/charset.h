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

#include "mime/charset_shift.h"
#include "mime/sink.h"

#include <stdbool.h>
#include <stdint.h>

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

#endif
