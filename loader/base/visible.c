/* Passes on what is plain as it is, and looks at single characters only where something may have to be
 * made visible. What a piece ends in the middle of waits for the next one. */
#include "loader/base/visible.h"

#include "queue/base/scoped.h"

#include <string.h>

/* Characters without a shape of their own that Unicode does not call formats. */
static bool visible_is_blank(gunichar c)
{
	return c == 0x034f || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
	       (c >= 0x180b && c <= 0x180f) || c == 0x2800 || c == 0x3164 || c == 0xffa0 ||
	       (c >= 0xe0100 && c <= 0xe01ef);
}

/* What could break a line, move the cursor, or turn the direction of a text (U+202E) counts as odd. */
static bool visible_is_odd(gunichar c)
{
	switch (g_unichar_type(c)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_FORMAT:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return true;
	default:
		return visible_is_blank(c);
	}
}

/* U+200C and U+200D decide how the letters beside them are drawn. */
static bool visible_is_joiner(gunichar c)
{
	return c == 0x200c || c == 0x200d;
}

/* Letters of scripts that know joiners, which Latin, Greek, Cyrillic, Chinese and Korean do not; and
 * pictures, with the sign that colours them. */
static bool visible_takes_joiner(gunichar c)
{
	if (c < 0x0600 || visible_is_joiner(c))
		return false;
	switch (g_unichar_type(c)) {
	case G_UNICODE_OTHER_SYMBOL:
	case G_UNICODE_MODIFIER_SYMBOL:
	case G_UNICODE_NON_SPACING_MARK:
	case G_UNICODE_SPACING_MARK:
		return true;
	case G_UNICODE_OTHER_LETTER:
		return !g_unichar_iswide(c);
	default:
		return false;
	}
}

static bool visible_is_json(const struct visible *visible)
{
	return visible->form == VISIBLE_JSON || visible->form == VISIBLE_JSON_STRING;
}

/* JSON writes a character beyond U+FFFF as two (RFC 8259, section 7). */
static void visible_append_escape(const struct visible *visible, gunichar c, GString *out)
{
	if (visible_is_json(visible) && c > 0xffff)
		g_string_append_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
				       0xdc00 + (c & 0x3ff));
	else if (visible_is_json(visible) || (c >= 0x80 && c <= 0xffff))
		g_string_append_printf(out, "\\u%04x", c);
	else if (c > 0xffff)
		g_string_append_printf(out, "\\U%08x", c);
	else
		g_string_append_printf(out, "\\x%02x", c);
}

/* A control character, or a sign that needs a backslash. */
static void visible_append_ascii(const struct visible *visible, unsigned char c, GString *out)
{
	const bool blank = c == '\n' || c == '\t';
	if (visible->form == VISIBLE_LINE && blank)
		g_string_append_c(out, ' ');
	else if (visible->form == VISIBLE_TEXT && blank)
		g_string_append_c(out, (char)c);
	else if (c == '"' || c == '\\')
		g_string_append_printf(out, "\\%c", c);
	else if (visible->form == VISIBLE_JSON_STRING && blank)
		g_string_append(out, c == '\n' ? "\\n" : "\\t");
	else
		visible_append_escape(visible, c, out);
}

/* How many bytes at the beginning need no look: printable ASCII. */
static size_t visible_plain_span(const struct visible *visible, const char *bytes, size_t size)
{
	const bool quotes = visible->form == VISIBLE_JSON_STRING || visible->form == VISIBLE_QUOTED;
	size_t span = 0;
	while (span < size && bytes[span] >= ' ' && bytes[span] < 0x7f &&
	       !(quotes && (bytes[span] == '"' || bytes[span] == '\\')))
		span++;
	return span;
}

/* The character at the beginning, which is not plain. Returns its length; 0: its end is missing. */
static size_t visible_append_one(struct visible *visible, const char *bytes, size_t size,
				 GString *out)
{
	const unsigned char first = (unsigned char)*bytes;
	const bool joins = visible->joins;
	visible->joins = false;
	if (first == '\r' && !visible_is_json(visible)) {
		if (size == 1)
			return 0;
		if (bytes[1] == '\n')
			return 1;
	}
	if (first < 0x80) {
		visible_append_ascii(visible, first, out);
		return 1;
	}
	const gunichar c = g_utf8_get_char_validated(bytes, (gssize)size);
	if (c == (gunichar)-2 && size < 4) {
		visible->joins = joins;
		return 0;
	}
	if (c >= (gunichar)-2) {
		/* JSON is UTF-8 and has no sign for a byte. */
		if (visible_is_json(visible))
			g_string_append_unichar(out, 0xfffd);
		else
			g_string_append_printf(out, "\\x%02x", first);
		return 1;
	}
	const size_t length = (size_t)g_unichar_to_utf8(c, NULL);
	if (visible_is_odd(c) && !(joins && visible_is_joiner(c)))
		visible_append_escape(visible, c, out);
	else
		g_string_append_len(out, bytes, (gssize)length);
	visible->joins = visible_takes_joiner(c);
	return length;
}

/* All but the bytes at the end that may go on in the next piece. Returns how many were taken. */
static size_t visible_append_most(struct visible *visible, const char *bytes, size_t size,
				  GString *out)
{
	size_t done = 0;
	while (done < size) {
		const size_t plain = visible_plain_span(visible, bytes + done, size - done);
		g_string_append_len(out, bytes + done, (gssize)plain);
		done += plain;
		visible->joins = visible->joins && plain == 0;
		if (done == size)
			break;
		const size_t taken = visible_append_one(visible, bytes + done, size - done, out);
		if (taken == 0)
			break;
		done += taken;
	}
	return done;
}

/* At most four bytes are held: a character in UTF-8, or a CR that waits for its LF. */
void visible_append(struct visible *visible, const char *bytes, size_t size, GString *out)
{
	/* What is held gets a byte at a time: each may complete it, or show that it is none. */
	while (visible->held_size > 0 && size > 0) {
		visible->held[visible->held_size++] = (unsigned char)*bytes++;
		size--;
		const size_t taken = visible_append_most(visible, (const char *)visible->held,
							 visible->held_size, out);
		visible->held_size -= taken;
		memmove(visible->held, visible->held + taken, visible->held_size);
	}
	const size_t taken = visible_append_most(visible, bytes, size, out);
	if (taken == size)
		return;
	visible->held_size = size - taken;
	memcpy(visible->held, bytes + taken, visible->held_size);
}

/* A CR that nothing follows, or the beginning of a character. */
void visible_end(struct visible *visible, GString *out)
{
	for (size_t i = 0; i < visible->held_size; i++) {
		if (visible_is_json(visible))
			g_string_append_unichar(out, 0xfffd);
		else
			g_string_append_printf(out, "\\x%02x", visible->held[i]);
	}
	visible->held_size = 0;
}

void visible_put(struct visible *visible, const char *bytes, size_t size, FILE *out)
{
	g_autoptr(GString) text = g_string_sized_new(size + 1);
	visible_append(visible, bytes, size, text);
	fwrite(text->str, 1, text->len, out);
}

void visible_put_end(struct visible *visible, FILE *out)
{
	g_autoptr(GString) text = g_string_new(NULL);
	visible_end(visible, text);
	fwrite(text->str, 1, text->len, out);
}

void visible_write(enum visible_form form, const char *text, FILE *out)
{
	struct visible visible = {.form = form};
	visible_put(&visible, text, strlen(text), out);
	visible_put_end(&visible, out);
}

char *visible_line(const char *text)
{
	struct visible visible = {.form = VISIBLE_LINE};
	GString *line = g_string_new(NULL);
	visible_append(&visible, text != NULL ? text : "", text != NULL ? strlen(text) : 0, line);
	visible_end(&visible, line);
	return g_string_free(line, FALSE);
}
