/*
 * charset_form.h - texts whose label names their script and not their bytes: Shift-JIS under
 * ISO-2022-JP, UTF-16 without a byte order mark.
 */
#ifndef MIME_CHARSET_FORM_H
#define MIME_CHARSET_FORM_H

#include "mime/charset_choice.h"

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

#endif
